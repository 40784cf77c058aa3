package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// results is where a run leaves what it found.
var results = filepath.Join("bench", "results")

// report collects findings, and prints each as it comes.
type report struct {
	At       time.Time         `json:"at"`
	Machine  map[string]string `json:"machine"`
	Findings []finding         `json:"findings"`
}

func (r *report) add(findings ...finding) {
	for _, f := range findings {
		say("%-4s %-58s %10.1f %-4s %-22s %10.1f  %5.2f  %-15s %s", f.Goal, f.What, f.Ours.median(), f.Ours.Unit, f.Other.Name, f.Other.median(), f.Ratio, f.bounds(), f.verdict())
		for _, note := range f.Notes {
			say("     %s", note)
		}
	}
	r.Findings = append(r.Findings, findings...)
}

// write leaves the findings as JSON, and as a page with a table and a chart.
func (r *report) write(name string) error {
	return leave(name, r, r.page())
}

// leave leaves what was found under a name.
func leave(name string, found any, page string) error {
	data, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(results, 0o750),
		os.WriteFile(filepath.Join(results, name+".json"), data, 0o600),
		os.WriteFile(filepath.Join(results, name+".md"), []byte(page), 0o600))
}

// page is the part of docs/benchmarks.md that a run fills in.
func (r *report) page() string {
	var b strings.Builder
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	put("%s", r.measured())
	put("| | what | couponbook | against | ratio | floor → goal | reached |\n|---|---|---:|---:|---:|---|---|")
	for _, f := range r.Findings {
		put("| %s | %s | %s | %s: %s | **%.2f** | %s | %s |", f.Goal, f.What, cell(f.Ours), f.Other.Name, cell(f.Other), f.Ratio, f.bounds(), f.verdict())
	}
	put("")
	for _, f := range r.Findings {
		for _, note := range f.Notes {
			put("- %s: %s", f.Goal, note)
		}
	}
	put("\n```mermaid\nxychart-beta\n  title \"How far above its floor each ratio is (1 = the floor)\"\n  x-axis [%s]\n  y-axis \"times the floor\"\n  bar [%s]\n```",
		r.row(func(f finding) string { return `"` + f.Goal + " " + f.Other.Name + `"` }),
		r.row(func(f finding) string {
			if f.AtMost {
				return fmt.Sprintf("%.2f", f.Floor/f.Ratio)
			}
			return fmt.Sprintf("%.2f", f.Ratio/f.Floor)
		}))
	return b.String()
}

// measured tells when and on what.
func (r *report) measured() string {
	return fmt.Sprintf("Measured %s on %s, %s, %s, %s, %s.\n", r.At.Format("2006-01-02"), r.Machine["cpu"], r.Machine["os"], r.Machine["go"], r.Machine["postgres"], r.Machine["redis"])
}

// row is a line of the chart: of what was measured on both sides.
func (r *report) row(of func(finding) string) string {
	var all []string
	for _, f := range r.Findings {
		if len(f.Other.Values) > 1 {
			all = append(all, of(f))
		}
	}
	return strings.Join(all, ", ")
}

func cell(s series) string {
	text := fmt.Sprintf("%.1f %s", s.median(), s.Unit)
	if s.median() >= 100 {
		text = fmt.Sprintf("%.0f %s", s.median(), s.Unit)
	}
	if len(s.Values) > 1 {
		text += fmt.Sprintf(" ±%.0f %%", s.spread()*50)
	}
	return text
}

// failed names the findings below their floor.
func (r *report) failed() error {
	var below []error
	for _, f := range r.Findings {
		if !f.holds(f.Floor) {
			below = append(below, fmt.Errorf("%s is below its floor: %.2f, wanted %s (%s)", f.Goal, f.Ratio, f.bounds(), f.What))
		}
	}
	return errors.Join(below...)
}
