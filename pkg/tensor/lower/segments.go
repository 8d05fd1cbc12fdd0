package lower

import "github.com/drey-sampler/drey/pkg/tensor"

// pieceLength is the number of rows that are added up at a time: a warp's width.
const pieceLength = 32

// segmentSums returns the sums [targets, …] of the rows [n, …] of each target, by rounds: the rows of each target are cut into
// pieces of up to 32, in order, and the sums of the pieces are the rows of the next round, until each target has one at most.
// Whatever the index, n rows make no more than n/32 + targets pieces, so all shapes are known, and what depends on the index
// alone is computed before a sampler's loop. Rows whose index is none are left out.
func segmentSums(rows, idx tensor.Value, targets int) tensor.Value {
	order := idx.Argsort(0)
	of := idx.Take(order, 0) // the target of each row, ascending
	number := tensor.In(idx, tensor.Iota(tensor.I32, 0, targets))
	for longest := idx.Dim(0); longest > 1; longest = (longest + pieceLength - 1) / pieceLength {
		t := tableOf(of, number)
		rows = t.sums(rows, order)
		of, order = t.of, tensor.Value{}
	}
	first := lowerBound(of, number)
	at := first.Min(of.Dim(0) - 1)
	if order.IsValid() { // a single row
		at = order.Take(at, 0)
	}
	found := first.Lt(of.Dim(0)).And(of.Take(at, 0).Eq(number))
	got := rows.Take(at, 0)
	return tensor.Select(found.BroadcastInDim(got.Shape(), []int{0}), got, 0.0)
}

// table says which rows a round adds up.
type table struct {
	at    tensor.Value // i32[pieces, pieceLength]: rows in order of their targets
	valid tensor.Value // bool, like at
	of    tensor.Value // i32[pieces]: targets, ascending; past the last one for pieces that are not needed
}

// tableOf cuts the rows of targets of, i32[n] and ascending, into pieces; number is 0 … targets-1.
func tableOf(of, number tensor.Value) table {
	n, targets := of.Dim(0), number.Dim(0)
	start := lowerBound(of, number)
	end := lowerBound(of, number.Add(1))
	pieces := end.Sub(start).Add(pieceLength - 1).Div(pieceLength)
	upTo := pieces.Cumsum(0) // pieces of this target and those before it
	count := n/pieceLength + targets
	piece := tensor.In(of, tensor.Iota(tensor.I32, 0, count))
	target := lowerBound(upTo, piece.Add(1)) // the first one with upTo > piece
	t := target.Min(targets - 1)
	first := start.Take(t, 0).Add(piece.Sub(upTo.Take(t, 0).Sub(pieces.Take(t, 0))).Mul(pieceLength))
	within := tensor.In(of, tensor.Iota(tensor.I32, 1, count, pieceLength))
	column := func(v tensor.Value) tensor.Value { return v.BroadcastInDim([]int{count, pieceLength}, []int{0}) }
	at := column(first).Add(within)
	valid := at.Lt(column(end.Take(t, 0))).And(column(target.Lt(targets)))
	return table{at: at.Clamp(0, n-1), valid: valid, of: target}
}

// sums returns the sum [pieces, …] of the rows [n, …] of each piece; order says, where it is given, which row is which.
func (t table) sums(rows, order tensor.Value) tensor.Value {
	at := t.at
	if order.IsValid() {
		at = order.Take(at, 0)
	}
	got := rows.Take(at, 0)
	return tensor.Select(t.valid.BroadcastInDim(got.Shape(), []int{0, 1}), got, 0.0).Sum(1)
}

// lowerBound returns for each x the number of elements of v, which ascend, that are less than it: a binary search for all of
// them at once.
func lowerBound(v, x tensor.Value) tensor.Value {
	n := v.Dim(0)
	at := tensor.ZerosLike(x)
	step := 1
	for step <= n/2 {
		step *= 2
	}
	for ; step > 0; step /= 2 {
		next := at.Add(step)
		less := next.Le(n).And(v.Take(next.Sub(1).Min(n-1), 0).Lt(x))
		at = tensor.Select(less, next, at)
	}
	return at
}
