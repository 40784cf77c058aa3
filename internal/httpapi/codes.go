package httpapi

import (
	"context"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// FormatBody says what codes look like.
type FormatBody struct {
	Pattern        string `json:"pattern,omitempty" maxLength:"200" example:"SUMMER-####-####" doc:"each # becomes a random character, {} a group of length, {6} a group of six; default ####-####-####"`
	Prefix         string `json:"prefix,omitempty" maxLength:"64" doc:"before the pattern"`
	Suffix         string `json:"suffix,omitempty" maxLength:"64" doc:"after the pattern"`
	Length         int    `json:"length,omitempty" minimum:"1" maximum:"64" doc:"random characters of a {} group; without a pattern, the whole of it; default 8"`
	Charset        string `json:"charset,omitempty" enum:"crockford32,base32,alnum,digits" doc:"of random characters; default crockford32, which has no I, L, O and U"`
	Characters     string `json:"characters,omitempty" maxLength:"36" doc:"instead of a charset: 8 to 36 different letters and digits"`
	AllowGuessable bool   `json:"allow_guessable,omitempty" doc:"accept that more than one guess in a million meets a code"`
}

func (f FormatBody) format() coupon.CodeFormat {
	return coupon.CodeFormat{
		Pattern: f.Pattern, Prefix: f.Prefix, Suffix: f.Suffix, Length: f.Length,
		Charset: f.Charset, Characters: f.Characters, AllowGuessable: f.AllowGuessable,
	}
}

// GenerateBody says how many codes and what they look like.
type GenerateBody struct {
	Count int `json:"count" minimum:"1" maximum:"5000000" doc:"codes to make"`
	FormatBody
}

type generateRequest struct {
	ByID
	SubmitHeaders
	Body GenerateBody
}

// generateCodes accepts a job that makes codes: exactly as many as asked.
func (a *API) generateCodes(ctx context.Context, in *generateRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("generate", in.ID.String(), in.Body)
	if err != nil {
		return nil, err
	}
	submission, err := a.Service.SubmitGenerate(ctx, principalOf(ctx), service.GenerateRequest{
		BookID: in.ID, Count: in.Body.Count, Format: in.Body.format(), IdempotencyKey: key, Fingerprint: mark,
	})
	return a.answerBulk(ctx, submission, err, in.Prefer)
}

// answerBulk answers a bulk job that was submitted, in time if it ends within
// the client's patience.
func (a *API) answerBulk(ctx context.Context, submission service.Submission, err error, prefer string) (*jobResponse, error) {
	patience := wait(prefer)
	if err == nil && patience > 0 {
		submission.Job, err = a.Service.FollowJob(ctx, a.Followers, principalOf(ctx), submission.Job.ID, service.Patience{For: patience})
	}
	return a.answerSubmit(ctx, submission, err, patience)
}

type previewRequest struct {
	Body GenerateBody
}

type previewResponse struct{ Body previewBody }

type previewBody struct {
	Examples  []string `json:"examples" doc:"five such codes, made up and forgotten"`
	Random    int      `json:"random_characters" doc:"of each code"`
	Bits      float64  `json:"bits" doc:"of randomness of each code"`
	Keyspace  float64  `json:"keyspace" doc:"how many different codes there could be"`
	GuessOdds float64  `json:"guess_odds" doc:"how likely a guess meets one of the codes"`
	Needs     int      `json:"needed_characters" doc:"the fewest random characters that do for so many codes"`
	Problem   *string  `json:"problem" doc:"why the codes cannot be made so; null: they can"`
}

// previewCodes shows what a pattern makes, without making it.
func (a *API) previewCodes(_ context.Context, in *previewRequest) (*previewResponse, error) {
	preview, err := service.PreviewCodes(in.Body.Count, in.Body.format())
	if err != nil {
		return nil, err
	}
	out := &previewResponse{previewBody{
		Examples: preview.Examples, Random: preview.Pattern.Random(), Bits: preview.Pattern.Bits(), Keyspace: preview.Pattern.Keyspace(),
		GuessOdds: preview.Pattern.Odds(in.Body.Count), Needs: preview.Needs,
	}}
	if preview.Problem != "" {
		out.Body.Problem = &preview.Problem
	}
	return out, nil
}
