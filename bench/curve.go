package main

import (
	"fmt"
	"strings"
)

// point is what was measured at a place on a curve.
type point struct {
	At     int    `json:"at"`
	Series series `json:"measured"`
}

// curve is how something changes along something else.
type curve struct {
	What   string  `json:"what"`
	Along  string  `json:"along"`
	Points []point `json:"points"`
}

// shape is all of what a run drew.
type shape struct {
	report
	Curves []curve  `json:"curves"`
	Costs  []string `json:"costs"`
}

func (s *shape) draw(c curve) {
	s.Curves = append(s.Curves, c)
	say("%s", c.table())
}

func (s *shape) cost(format string, args ...any) {
	s.Costs = append(s.Costs, fmt.Sprintf(format, args...))
	say("     "+format, args...)
}

// table has the curve as Markdown, each point beside the first.
func (c curve) table() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "| %s | %s | of the first |\n|---:|---:|---:|\n", c.Along, c.What)
	for _, p := range c.Points {
		_, _ = fmt.Fprintf(&b, "| %d | %s | %.2f |\n", p.At, cell(p.Series), p.Series.median()/c.Points[0].Series.median())
	}
	return b.String()
}

// write leaves the curves as JSON, and as the part of docs/scaling.md that they
// fill in.
func (s *shape) write() error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s\n", s.measured())
	for _, c := range s.Curves {
		_, _ = fmt.Fprintf(&b, "%s\n", c.table())
	}
	for _, c := range s.Costs {
		_, _ = fmt.Fprintf(&b, "- %s\n", c)
	}
	return leave("curves", s, b.String())
}
