package diag

// BatchDraws returns the mean number of draws of the batches that the ESS of a parameter comes from.
func (s *Stream) BatchDraws(i int) float64 {
	_, length := s.scatter(i)
	return length
}

// Batches returns how many batches of a chain and parameter are kept.
func (s *Stream) Batches() int { return len(s.chains[0].batches[0]) }
