package transport

// Pull asks for a run's directory as far as the ledger is. Its files are put into Outcome, from where who asks fetches them.
// Reply: Pulled.
type Pull struct {
	Command Command
	Run     RunID
}

func (m *Pull) fields(c *codec) {
	m.Command.visit(c)
	c.run("Run", &m.Run)
}

// Subject implements Sealed.
func (m *Pull) Subject() Subject { return control(m, m.Command.Party) }

// Pulled replies to Pull. Written in this order the files make at any moment a directory that is not one of a run, or a whole one.
type Pulled struct {
	Files []File // of Outcome
}

func (m *Pulled) fields(c *codec) {
	list(c, "Files", &m.Files, maxFiles, func(c *codec, f *File) { f.visit(c) })
}
