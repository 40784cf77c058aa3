package coupon

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// MaxUpload is how many rows one upload can have.
const MaxUpload = 5_000_000

const (
	mostShown               = 100 // characters of a refused code
	maxRedemptionsOfACoupon = 1_000_000
)

// OnDuplicate says what becomes of an upload that has codes that exist already,
// or twice the same.
type OnDuplicate string

// The ways to deal with duplicates.
const (
	SkipDuplicates  OnDuplicate = "skip" // they are refused, the others are added
	FailOnDuplicate OnDuplicate = "fail" // nothing is added
)

// RowInput is a row of an upload as text; empty cells say nothing.
type RowInput struct {
	Code           string
	User           string // an id, an e-mail or an external id
	MaxRedemptions string
	StartsAt       string // an instant, or a day in the book's zone
	ExpiresAt      string // likewise
	Metadata       json.RawMessage
}

// UploadRow is one code of an upload, or why it is refused.
type UploadRow struct {
	Line           int // where it begins in the file, from 1
	Code           string
	Normalised     string
	User           *UserRef
	MaxRedemptions *int
	StartsAt       *time.Time
	ExpiresAt      *time.Time
	Metadata       json.RawMessage
	Reason         OutcomeReason // empty: fine so far
	Detail         string
}

// NewUploadRow reads a row, or says what is wrong with it first.
func NewUploadRow(line int, in RowInput, zoneName string) UploadRow {
	row := UploadRow{Line: line, Code: strings.TrimSpace(norm.NFKC.String(strings.TrimSpace(in.Code)))}
	row.Normalised = Normalise(row.Code)
	if reason, detail := checkCode(in.Code, row); reason != "" {
		return row.Refused(reason, detail)
	}
	if in.User != "" {
		ref, err := readUserRef(in.User)
		if err != nil {
			return row.Refused(RowBadUser, "must be a user's id, an e-mail or an external id of at most 200 characters")
		}
		row.User = &ref
	}
	if in.MaxRedemptions != "" {
		n, err := strconv.Atoi(in.MaxRedemptions)
		if err != nil || n < 1 || n > maxRedemptionsOfACoupon {
			return row.Refused(RowBadLimit, "max_redemptions must be a number between 1 and 1000000")
		}
		row.MaxRedemptions = &n
	}
	if fault := row.readDates(in, zoneName); fault != "" {
		return row.Refused(RowBadDate, fault)
	}
	if err := CheckObject("", in.Metadata); err != nil {
		refusal, _ := errors.AsType[*Error](err)
		return row.Refused(RowBadMetadata, "metadata "+refusal.Fields[0].Detail)
	}
	row.Metadata = in.Metadata
	return row
}

// readDates reads the two dates of a row, or says what is wrong with them.
func (r *UploadRow) readDates(in RowInput, zoneName string) (fault string) {
	for _, date := range []struct {
		name, text string
		parse      func(pointer, text, zone string) (time.Time, error)
		at         **time.Time
	}{{"starts_at", in.StartsAt, ParseStart, &r.StartsAt}, {"expires_at", in.ExpiresAt, ParseEnd, &r.ExpiresAt}} {
		if date.text == "" {
			continue
		}
		at, err := date.parse("", date.text, zoneName)
		if err != nil || at.Year() > 9999 {
			return date.name + " must be an instant such as 2026-12-24T18:00:00+01:00, or a day such as 2026-12-24"
		}
		*date.at = &at
	}
	if r.StartsAt != nil && r.ExpiresAt != nil && !r.StartsAt.Before(*r.ExpiresAt) {
		return "expires_at must be later than starts_at"
	}
	return ""
}

// Refused is the row with a reason, its code cut to what can be stored and shown.
func (r UploadRow) Refused(reason OutcomeReason, detail string) UploadRow {
	return UploadRow{Line: r.Line, Code: shown(r.Code), Reason: reason, Detail: detail}
}

// shown is a text of a refused row, cut to what can be stored and shown.
func shown(text string) string { return cut(text, mostShown) }

// cut makes any bytes text that can be stored, of at most so many characters.
func cut(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

// checkCode: what a code can have without being escaped in a URL, or taken for
// something else.
func checkCode(raw string, row UploadRow) (OutcomeReason, string) {
	switch {
	case strings.TrimSpace(raw) == "":
		return RowMissingCode, "has no code"
	case !utf8.ValidString(raw):
		return RowMalformed, "is not UTF-8: save the file in that encoding"
	case utf8.RuneCountInString(row.Code) > MaxCode:
		return RowTooLong, "must have at most " + strconv.Itoa(MaxCode) + " characters"
	case looksLikeID(row.Code):
		return RowMalformed, "must not look like a UUID"
	case row.Normalised == "":
		return RowMalformed, "needs a letter or a digit"
	}
	for i := range len(row.Code) {
		if !literalByte(row.Code[i]) {
			return RowMalformed, "can have only letters, digits, -, _ and ."
		}
	}
	return "", ""
}

func readUserRef(text string) (UserRef, error) {
	if id, err := uuid.Parse(text); err == nil && len(text) == 36 {
		return UserRef{ID: &id}, nil
	}
	if strings.Contains(text, "@") {
		return NewUserRef(nil, text, "", "")
	}
	return NewUserRef(nil, "", text, "")
}
