package main

import (
	"fmt"
	"slices"
)

// series is what one side reached, a value a round.
type series struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`
}

// median is the middle value, or the lower of the two in the middle.
func (s series) median() float64 { return median(s.Values) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// spread is how far the values lie from each other, as a part of their median.
func (s series) spread() float64 {
	if s.median() == 0 {
		return 0
	}
	return (slices.Max(s.Values) - slices.Min(s.Values)) / s.median()
}

// finding is one number of the goals: a ratio of two sides that were measured in
// turns. With AtMost, less is better.
type finding struct {
	Goal   string   `json:"goal"`
	What   string   `json:"what"`
	Ours   series   `json:"ours"`
	Other  series   `json:"other"`
	Ratio  float64  `json:"ratio"`
	Floor  float64  `json:"floor"`
	Aim    float64  `json:"aim"`
	AtMost bool     `json:"at_most"`
	Notes  []string `json:"notes,omitempty"`
}

func atLeast(goal, what string, ours, other series, floor, aim float64) finding {
	return finding{goal, what, ours, other, ours.median() / other.median(), floor, aim, false, nil}
}

func atMost(goal, what string, ours, other series, floor, aim float64) finding {
	return finding{goal, what, ours, other, ours.median() / other.median(), floor, aim, true, nil}
}

// noting adds what explains it.
func (f finding) noting(notes ...string) finding {
	f.Notes = append(f.Notes, notes...)
	return f
}

// holds tells whether the ratio reaches a bound.
func (f finding) holds(bound float64) bool {
	if f.AtMost {
		return f.Ratio <= bound
	}
	return f.Ratio >= bound
}

// verdict is a word for how far the ratio got.
func (f finding) verdict() string {
	switch {
	case f.holds(f.Aim):
		return "goal"
	case f.holds(f.Floor):
		return "floor"
	default:
		return "BELOW"
	}
}

// bounds are floor and goal as they are written.
func (f finding) bounds() string {
	sign := "≥"
	if f.AtMost {
		sign = "≤"
	}
	return fmt.Sprintf("%s %.2f → %.2f", sign, f.Floor, f.Aim)
}
