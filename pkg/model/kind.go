package model

// Kind says what a site is.
type Kind string

// The kinds of sites.
const (
	Latent        Kind = "latent"        // a random variable to be inferred
	Auxiliary     Kind = "auxiliary"     // a latent site that a reparametrisation put in another's place
	Observed      Kind = "observed"      // a random variable with data
	Deterministic Kind = "deterministic" // a function of other sites
	FactorSite    Kind = "factor"        // a term of the log density
	ParamSite     Kind = "param"         // a parameter without a prior
	PlateSite     Kind = "plate"         // the rows of a plate
)

// random reports whether a site of kind k has a distribution.
func (k Kind) random() bool { return k == Latent || k == Auxiliary || k == Observed }
