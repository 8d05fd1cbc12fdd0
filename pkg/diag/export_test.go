package diag

// BatchDraws returns the mean number of draws of the batches that the ESS of a parameter comes from.
func (s *Stream) BatchDraws(i int) float64 {
	_, length := s.scatter(i)
	return length
}

// Batches returns how many batches of a chain are kept.
func (s *Stream) Batches(chain int) int { return len(s.chains[chain]) }
