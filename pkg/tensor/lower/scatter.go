package lower

import (
	"slices"

	"github.com/drey-sampler/drey/pkg/tensor"
)

// Form is a way to add rows to the elements of an array by index.
type Form uint8

// The forms. The package's comment describes them.
const (
	Scatter Form = iota
	OneHot
	Segments
)

// String returns the form's name.
func (f Form) String() string { return [...]string{"scatter", "one-hot", "segments"}[f] }

// Limits of the forms.
const (
	// fewTargets is the largest number of targets for OneHot on a GPU: up to there the product, which reads rows × targets
	// numbers, takes no longer than the passes over the rows that Segments makes.
	fewTargets = 256
	// largestMatrix bounds the elements of OneHot's matrix, which stays in the device's memory: 2^27 are 1 GiB of f64.
	largestMatrix = 1 << 27
	// fewRows is the number of rows up to which a scatter's loop is no longer than the launches of another form's kernels.
	fewRows = 16
)

// Choose returns the form for adding so many rows into so many targets on a platform. known says that the index depends on
// parameters of the program alone.
//
// On a GPU and a TPU: Scatter for an index that is not known and for up to 16 rows; else OneHot for up to 256 targets and
// matrices of up to 2^27 elements, on a TPU, which is made for products and slow at look-ups, for any number of targets;
// else Segments, on a TPU Scatter. On a CPU, where a row of lanes is added by a short loop: Scatter.
func Choose(platform string, rows, targets int, known bool) Form {
	if platform != CUDA && platform != TPU || !known || rows <= fewRows {
		return Scatter
	}
	small := float64(rows)*float64(targets) <= largestMatrix
	switch {
	case small && (targets <= fewTargets || platform == TPU):
		return OneHot
	case platform == CUDA:
		return Segments
	}
	return Scatter
}

// scatterAdd returns the result of a scatter-add in another form, or an absent Value where it stays.
func (l *lowering) scatterAdd(n *tensor.Node, in []tensor.Value) tensor.Value {
	x, idx, axis := in[0], in[1], n.Attr.Axis
	if n.DType != tensor.F64 && n.DType != tensor.F32 || n.In[2].Size() == 0 || x.Size() == 0 {
		return tensor.Value{}
	}
	// Rows first.
	perm := append([]int{axis}, slices.DeleteFunc(axes(x.Rank()), func(a int) bool { return a == axis })...)
	rows := in[2].Transpose(perm...)
	var sums tensor.Value
	switch Choose(l.platform, idx.Size(), x.Dim(axis), l.isKnown(n.In[1])) {
	case OneHot:
		sums = oneHotSums(rows, idx, x.Dim(axis))
	case Segments:
		sums = segmentSums(rows, idx, x.Dim(axis))
	default:
		return tensor.Value{}
	}
	back := make([]int, len(perm))
	for i, a := range perm {
		back[a] = i
	}
	return x.Add(sums.Transpose(back...))
}

func axes(rank int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = i
	}
	return out
}

// oneHotSums returns the sums [targets, …] of the rows [n, …] of each target. Rows whose index is none are left out.
func oneHotSums(rows, idx tensor.Value, targets int) tensor.Value {
	n := idx.Dim(0)
	number := tensor.In(rows, tensor.Iota(tensor.I32, 1, n, targets))
	belongs := idx.BroadcastInDim([]int{n, targets}, []int{0}).Eq(number).Convert(rows.DType())
	return tensor.DotGeneral(belongs, rows, nil, []int{0}, nil, []int{0})
}
