package service

import (
	"context"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// Origin is where a request came from.
type Origin struct {
	Address   netip.Addr // not valid: not known
	RequestID string
	UserAgent string
}

type originKey struct{}

// WithOrigin notes where a request came from, for the audit log and sessions.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

func originOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

func (o Origin) address() *netip.Addr {
	if !o.Address.IsValid() {
		return nil
	}
	return &o.Address
}

// audit notes a deed of staff in the transaction of the deed; what users do with
// their own coupons stands in the coupons' events. Before and after are structs,
// of which the fields that differ are kept; nil for what was not there, or is gone.
func audit(ctx context.Context, tx *postgres.Store, p auth.Principal, action coupon.Action, target uuid.UUID, before, after any) error {
	if p.Role == coupon.UserRole {
		return nil
	}
	entry, err := newAudit(ctx, p, action, target, before, after)
	if err != nil {
		return err
	}
	return tx.AddAudit(ctx, entry)
}

// commandLine is the actor at the command line.
var commandLine = auth.Principal{Role: coupon.Admin}

func newAudit(ctx context.Context, p auth.Principal, action coupon.Action, target uuid.UUID, before, after any) (entry coupon.AuditEntry, err error) {
	origin := originOf(ctx)
	entry = coupon.AuditEntry{
		APIKeyID: p.KeyID, Action: action, TargetID: target, Address: origin.address(), RequestID: origin.RequestID,
	}
	if p.UserID != uuid.Nil {
		entry.ActorID = &p.UserID
	}
	was, is := fieldsOf(before), fieldsOf(after)
	for name, value := range was {
		if other, both := is[name]; both && reflect.DeepEqual(value, other) {
			delete(was, name)
			delete(is, name)
		}
	}
	if entry.Before, err = told(was); err == nil {
		entry.After, err = told(is)
	}
	return entry, err
}

func told(fields map[string]any) (json.RawMessage, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	return json.Marshal(fields)
}

// fieldsOf are the fields of a struct, and of those it embeds, by the names
// that they have in the API.
func fieldsOf(v any) map[string]any {
	fields := map[string]any{}
	if v != nil {
		collect(reflect.ValueOf(v), fields)
	}
	return fields
}

func collect(v reflect.Value, into map[string]any) {
	for field, value := range v.Fields() {
		switch {
		case field.Anonymous:
			collect(value, into)
		case value.Type() == reflect.TypeFor[time.Duration]():
			into[snakeCase(field.Name)] = time.Duration(value.Int()).String()
		default:
			into[snakeCase(field.Name)] = value.Interface()
		}
	}
}

// snakeCase turns MaxPerUser into max_per_user, and BookIDs into book_ids.
func snakeCase(name string) string {
	var out strings.Builder
	runes := []rune(strings.NewReplacer("IDs", "Ids", "URL", "Url").Replace(name))
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// AuditLog lists what staff did, newest first.
func (a *Accounts) AuditLog(ctx context.Context, f coupon.AuditFilter, limit int) ([]coupon.AuditEntry, error) {
	return a.store.Audit(ctx, f, limit)
}
