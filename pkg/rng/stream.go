package rng

// Stream draws numbers one after another on the host: the e-th word is element e of Key.Bits under the same key. It holds
// uniform numbers only; whatever needs a logarithm or sine is a traced program. It is not safe for concurrent use.
type Stream struct {
	seed    uint64
	counter [4]uint32
	words   [4]uint32
	next    int // words used of the current block; 4 when none is left
}

// NewStream returns the stream of (seed, chain, draw, purpose, leaf) at its first block. Leaf is below 2^24.
func NewStream(seed uint64, chain, draw uint32, p Purpose, leaf uint32) *Stream {
	return &Stream{seed: seed, counter: [4]uint32{0, uint32(p)<<24 | leaf&(1<<24-1), draw, chain}, next: 4}
}

// Site returns the stream, at its first block, of a model's site, as Key.Site derives it.
func (s *Stream) Site(name string) *Stream { return s.reseeded(s.seed ^ SiteHash(name)) }

// Fold returns the stream, at its first block, of part n, as Key.Fold derives it.
func (s *Stream) Fold(n int) *Stream { return s.reseeded(foldSeed(s.seed, n)) }

func (s *Stream) reseeded(seed uint64) *Stream {
	t := &Stream{seed: seed, counter: s.counter, next: 4}
	t.counter[0] = 0
	return t
}

// Uint32 returns the next word. After 2^34 words the stream repeats.
func (s *Stream) Uint32() uint32 {
	if s.next == 4 {
		s.words = Philox(s.counter, [2]uint32{uint32(s.seed), uint32(s.seed >> 32)})
		s.counter[0]++
		s.next = 0
	}
	w := s.words[s.next]
	s.next++
	return w
}

// Float64 returns the next number in (0, 1) from two words: a stream read by Float64 alone gives Key.Uniform in f64.
func (s *Stream) Float64() float64 {
	hi := s.Uint32()
	return Float53(hi, s.Uint32())
}

// Float32 returns the next number in (0, 1) from one word: Key.Uniform in f32.
func (s *Stream) Float32() float32 { return Float24(s.Uint32()) }

// Intn returns a uniform integer in [0, n), without bias (Lemire 2019, "Fast random integer generation in an interval"). It
// panics unless 0 < n ≤ 2^31.
func (s *Stream) Intn(n int) int {
	if n <= 0 || n > 1<<31 {
		panic("rng: Intn of a range that is not in (0, 2^31]")
	}
	bound := uint32(n)
	m := uint64(s.Uint32()) * uint64(bound)
	for reject := -bound % bound; uint32(m) < reject; {
		m = uint64(s.Uint32()) * uint64(bound)
	}
	return int(m >> 32)
}
