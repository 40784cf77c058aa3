package service

import (
	"errors"

	"couponbook/internal/coupon"
)

// Preview is what a format makes.
type Preview struct {
	Pattern  coupon.Pattern
	Examples []string
	Needs    int    // random characters, for so many codes
	Problem  string // why the codes cannot be made so; empty: they can
}

// PreviewCodes shows what a format makes. It fails only where there is nothing
// to show.
func PreviewCodes(count int, format coupon.CodeFormat) (Preview, error) {
	pattern, err := coupon.NewPattern(format)
	if err != nil {
		return Preview{}, err
	}
	preview := Preview{Pattern: pattern, Needs: pattern.Needs(count, format.AllowGuessable)}
	if refusal, ok := errors.AsType[*coupon.Error](pattern.CheckFor(count, format.AllowGuessable)); ok {
		preview.Problem = refusal.Fields[0].Detail
	}
	generator := coupon.NewGenerator()
	for range 5 {
		code, err := generator.Code(pattern)
		if err != nil {
			return Preview{}, err
		}
		preview.Examples = append(preview.Examples, code)
	}
	return preview, nil
}
