package shell

import (
	"context"
	"errors"

	"github.com/drey-sampler/drey/internal/coordinator"
	"github.com/drey-sampler/drey/pkg/transport"
)

// Membership is a coordinator.Replica: which coordinators there are.
type Membership interface {
	Members() []string
	Admit(ctx context.Context, id, addr string) error
}

var _ Membership = (*coordinator.Replica)(nil)

// Parties returns the members as parties.
func Parties(m Membership) func() []transport.PartyID {
	return func() []transport.PartyID {
		var out []transport.PartyID
		for _, id := range m.Members() {
			out = append(out, transport.PartyID(id))
		}
		return out
	}
}

// join takes a coordinator into the group. A request that comes again goes on where the one before ended.
func (r *reign) join(ctx context.Context, m *transport.Join) (transport.Message, error) {
	id := string(m.Command.Party)
	if r.cfg.Membership == nil {
		return nil, transport.Errorf(transport.Invalid, "join", "coordinator %s is alone: nobody can join it", r.cfg.Name)
	}
	err := r.cfg.Membership.Admit(ctx, id, m.Address)
	switch {
	case errors.Is(err, coordinator.ErrNoPlace):
		return nil, transport.Errorf(transport.Invalid, "join", "%w", err)
	case err != nil:
		return nil, transport.Errorf(transport.Unavailable, "join", "%w", err)
	}
	r.cfg.Log.Info("coordinator is in the group", "id", id, "address", m.Address)
	return &transport.Done{}, nil
}
