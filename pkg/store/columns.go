package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// Positions of the columns that every segment starts with; the statistics and the sites follow.
const (
	colChain = iota
	colDraw
	colPhase
	firstColumn
)

// column is one stored quantity of a row: a statistic (a plain Arrow column) or a site (a FixedSizeList).
type column struct {
	name  string // in the Arrow schema
	dtype DType
	width int  // elements a row
	bytes int  // of the column's part of a row passed to Append
	plain bool // no list around it
}

// columns returns the columns after chain, draw and phase.
func (s *Schema) columns() []column {
	var out []column
	taken := []string{"chain", "draw", "phase"}
	if s.SampleStats {
		for _, st := range StatSites() {
			out = append(out, column{st.Name, st.DType, 1, st.DType.Size(), true})
			taken = append(taken, st.Name)
		}
	}
	for i := range s.Sites {
		site := &s.Sites[i]
		name := site.Name
		if slices.Contains(taken, name) {
			name = "site:" + name
		}
		out = append(out, column{name, site.DType, site.Size(), site.Size() * site.DType.Size(), false})
	}
	return out
}

// siteColumn returns the index in columns() of the i-th site.
func (s *Schema) siteColumn(i int) int {
	if s.SampleStats {
		return i + len(StatSites())
	}
	return i
}

func (d DType) arrow() arrow.FixedWidthDataType {
	switch d {
	case F64:
		return arrow.PrimitiveTypes.Float64.(arrow.FixedWidthDataType)
	case F32:
		return arrow.PrimitiveTypes.Float32.(arrow.FixedWidthDataType)
	case I32:
		return arrow.PrimitiveTypes.Int32.(arrow.FixedWidthDataType)
	case I64:
		return arrow.PrimitiveTypes.Int64.(arrow.FixedWidthDataType)
	case U32:
		return arrow.PrimitiveTypes.Uint32.(arrow.FixedWidthDataType)
	case U64:
		return arrow.PrimitiveTypes.Uint64.(arrow.FixedWidthDataType)
	}
	return arrow.FixedWidthTypes.Boolean
}

// arrowSchema returns the Arrow schema of a run's segments.
func (s *Schema) arrowSchema() (*arrow.Schema, error) {
	whole, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("store: schema: %w", err)
	}
	fields := []arrow.Field{
		{Name: "chain", Type: arrow.PrimitiveTypes.Int32},
		{Name: "draw", Type: arrow.PrimitiveTypes.Int64},
		{Name: "phase", Type: arrow.PrimitiveTypes.Int8, Metadata: arrow.NewMetadata([]string{"values"}, []string{"0=sampling,1=warmup"})},
	}
	cols := s.columns()
	sites := cols[len(cols)-len(s.Sites):]
	for i := range cols[:len(cols)-len(sites)] {
		fields = append(fields, arrow.Field{Name: cols[i].name, Type: cols[i].dtype.arrow()})
	}
	for i := range sites {
		c := &sites[i]
		shape, err1 := json.Marshal(append([]int{}, s.Sites[i].Shape...))
		dims, err2 := json.Marshal(append([]string{}, s.Sites[i].Dims...))
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("store: site %s: shape and dims can't be written", c.name)
		}
		fields = append(fields, arrow.Field{
			Name:     c.name,
			Type:     arrow.FixedSizeListOfNonNullable(int32(c.width), c.dtype.arrow()),
			Metadata: arrow.NewMetadata([]string{"shape", "dims"}, []string{string(shape), string(dims)}),
		})
	}
	meta := arrow.NewMetadata([]string{"drey"}, []string{string(whole)})
	return arrow.NewSchema(fields, &meta), nil
}
