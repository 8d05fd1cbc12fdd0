package diag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Block is what a block of draws tells a Stream: of each chain and parameter the mean and the sum of squared deviations, and of each
// chain what its energies and divergences were. It has O(parameters) numbers a chain, however many draws.
type Block struct {
	First      int // global index of the first chain; the others follow one another
	Parameters int
	Chains     []BlockChain
}

// BlockChain is a chain's part of a Block. The zero value has no draws.
type BlockChain struct {
	Draws       int
	Mean, M2    []float64 // of each parameter
	Energy      Energies
	Divergences int
}

// Energies are moments of a chain's energies, and of their steps from draw to draw.
type Energies struct {
	Count, Mean, M2 float64
	First, Last     float64
	Steps           float64 // sum of squared differences of successive energies
}

// NewBlock returns a block without draws.
func NewBlock(first, chains, parameters int) *Block {
	b := &Block{First: first, Parameters: parameters, Chains: make([]BlockChain, chains)}
	memory := make([]float64, 2*chains*parameters)
	for c := range b.Chains {
		m := memory[2*c*parameters:]
		b.Chains[c].Mean, b.Chains[c].M2 = m[:parameters:parameters], m[parameters:2*parameters:2*parameters]
	}
	return b
}

// Set sets what a chain of an index within the block has: values has all its draws of each parameter, energies theirs, and divergences
// counts those that diverged. It keeps none of the slices and allocates nothing. It panics if their lengths differ.
func (b *Block) Set(chain int, values [][]float64, energies []float64, divergences int) {
	c := &b.Chains[chain]
	if len(values) != b.Parameters {
		panic(fmt.Sprintf("diag: values of %d parameters of %d", len(values), b.Parameters))
	}
	c.Draws, c.Divergences = len(energies), divergences
	for i, x := range values {
		if len(x) != c.Draws {
			panic(fmt.Sprintf("diag: %d values of a parameter in %d draws", len(x), c.Draws))
		}
		m := momentsOf(x)
		c.Mean[i], c.M2[i] = m.mean, m.m2
	}
	c.Energy = energiesOf(energies)
}

// energiesOf returns the moments of energies and of their steps; no machine fuses the products.
func energiesOf(x []float64) Energies {
	if len(x) == 0 {
		return Energies{}
	}
	m := momentsOf(x)
	e := Energies{Count: m.count, Mean: m.mean, M2: m.m2, First: x[0], Last: x[len(x)-1]}
	for i := range x[1:] {
		step := x[i+1] - x[i]
		e.Steps += float64(step * step)
	}
	return e
}

// momentsOf returns the moments of numbers, in two passes: Chan, Golub & LeVeque (1983), equation 1.3. The first is about the first
// number, so that equal ones have their own mean and no deviations.
func momentsOf(x []float64) moments {
	if len(x) == 0 {
		return moments{}
	}
	m := moments{count: float64(len(x))}
	for _, v := range x {
		m.mean += v - x[0]
	}
	m.mean = x[0] + m.mean/m.count
	for _, v := range x {
		m.m2 += float64((v - m.mean) * (v - m.mean))
	}
	return m
}

// merge adds the energies that follow.
func (e *Energies) merge(next Energies) {
	if next.Count == 0 {
		return
	}
	if e.Count == 0 {
		*e = next
		return
	}
	step := next.First - e.Last
	e.Steps += next.Steps + float64(step*step)
	e.Last = next.Last
	m := mergeMoments(moments{e.Count, e.Mean, e.M2}, moments{next.Count, next.Mean, next.M2})
	e.Count, e.Mean, e.M2 = m.count, m.mean, m.m2
}

// ebfmi returns what EBFMI does.
func (e *Energies) ebfmi() float64 {
	if e.Count < 2 {
		return math.NaN()
	}
	return e.Steps / e.M2
}

// moments are the number, mean and sum of squared deviations of numbers.
type moments struct{ count, mean, m2 float64 }

// mergeMoments returns those of both: Chan, Golub & LeVeque (1983), equations 1.5a and 1.5b. No machine fuses the products.
func mergeMoments(a, b moments) moments {
	if a.count == 0 {
		return b
	}
	if b.count == 0 {
		return a
	}
	n := a.count + b.count
	delta, share := b.mean-a.mean, b.count/n
	return moments{n, a.mean + float64(delta*share), a.m2 + b.m2 + float64(float64(delta*delta)*float64(a.count*share))}
}

// blockVersion is the version of what MarshalBinary writes.
const blockVersion = 1

// MarshalBinary returns the block's bytes, little-endian: version, First, number of chains, Parameters, u32 each; of each chain
// Draws u32, Divergences u32, the numbers of Energy in the order of its fields, Mean, M2: f64.
func (b *Block) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, 16+len(b.Chains)*(56+16*b.Parameters))
	for _, n := range []int{blockVersion, b.First, len(b.Chains), b.Parameters} {
		out = binary.LittleEndian.AppendUint32(out, uint32(n))
	}
	for i := range b.Chains {
		c := &b.Chains[i]
		out = binary.LittleEndian.AppendUint32(out, uint32(c.Draws))
		out = binary.LittleEndian.AppendUint32(out, uint32(c.Divergences))
		e := c.Energy
		for _, numbers := range [][]float64{{e.Count, e.Mean, e.M2, e.First, e.Last, e.Steps}, c.Mean, c.M2} {
			for _, x := range numbers {
				out = binary.LittleEndian.AppendUint64(out, math.Float64bits(x))
			}
		}
	}
	return out, nil
}

// UnmarshalBinary reads what MarshalBinary wrote. The error says that it is damaged or of another version.
func (b *Block) UnmarshalBinary(data []byte) error {
	if len(data) < 16 {
		return errors.New("diag: statistics of a block are damaged: too short")
	}
	word := func() int {
		n := binary.LittleEndian.Uint32(data)
		data = data[4:]
		return int(n)
	}
	version, first, chains, parameters := word(), word(), word(), word()
	if version != blockVersion {
		return fmt.Errorf("diag: statistics of a block have version %d, this program reads %d", version, blockVersion)
	}
	if float64(chains)*(56+16*float64(parameters)) != float64(len(data)) {
		return fmt.Errorf("diag: statistics of a block of %d chains and %d parameters have %d bytes: they are damaged", chains, parameters, len(data))
	}
	number := func() float64 {
		x := math.Float64frombits(binary.LittleEndian.Uint64(data))
		data = data[8:]
		return x
	}
	*b = *NewBlock(first, chains, parameters)
	for i := range b.Chains {
		c := &b.Chains[i]
		c.Draws, c.Divergences = word(), word()
		for _, x := range []*float64{&c.Energy.Count, &c.Energy.Mean, &c.Energy.M2, &c.Energy.First, &c.Energy.Last, &c.Energy.Steps} {
			*x = number()
		}
		for _, numbers := range [][]float64{c.Mean, c.M2} {
			for k := range numbers {
				numbers[k] = number()
			}
		}
	}
	return nil
}
