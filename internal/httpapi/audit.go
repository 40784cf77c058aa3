package httpapi

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

type auditBody struct {
	ID        int64         `json:"id"`
	CreatedAt time.Time     `json:"created_at"`
	ActorID   *uuid.UUID    `json:"actor_id" format:"uuid" nullable:"true" doc:"null: somebody at the command line"`
	ActorName *string       `json:"actor_name" doc:"e-mail or name, as it is now"`
	APIKeyID  *uuid.UUID    `json:"api_key_id" format:"uuid" nullable:"true" doc:"what it was done with; null: by the actor himself"`
	Action    coupon.Action `json:"action" example:"book.edit"`
	TargetID  uuid.UUID     `json:"target_id" doc:"what it was done to; the first part of the action says what that is"`
	Before    object        `json:"before" nullable:"true" doc:"what was changed, as it was; null: it was not there, or nothing of it changed"`
	After     object        `json:"after" nullable:"true" doc:"the same, as it is since"`
	Address   *netip.Addr   `json:"address" format:"ip" nullable:"true"`
	RequestID string        `json:"request_id"`
}

func newAuditBody(e coupon.AuditEntry) auditBody {
	return auditBody{
		e.ID, e.CreatedAt, e.ActorID, e.ActorName, e.APIKeyID, e.Action, e.TargetID, object(e.Before), object(e.After), e.Address, e.RequestID,
	}
}

// AuditFilter narrows the audit log.
type AuditFilter struct {
	Actor  uuid.UUID `query:"actor" format:"uuid" doc:"the id of who did it"`
	Target uuid.UUID `query:"target" format:"uuid" doc:"the id of what it was done to"`
	Action string    `query:"action" maxLength:"50" doc:"like book.edit, or book for all that was done to books"`
	From   time.Time `query:"from" doc:"from this instant on"`
	To     time.Time `query:"to" doc:"before this instant"`
}

func (f AuditFilter) filter() coupon.AuditFilter {
	return coupon.AuditFilter{ActorID: given(f.Actor), TargetID: given(f.Target), Action: f.Action, From: given(f.From), To: given(f.To)}
}

type auditRequest struct {
	Paging
	AuditFilter
}

type auditResponse struct{ Body page[auditBody] }

type auditCursor struct {
	Before *int64 `json:"b,omitempty"`
}

// listAudit lists what staff did, newest first.
func (a *API) listAudit(ctx context.Context, in *auditRequest) (*auditResponse, error) {
	var place auditCursor
	if err := a.Cursors.read("audit", in.Cursor, &place); err != nil {
		return nil, err
	}
	filter := in.filter()
	filter.Before = place.Before
	entries, err := a.Accounts.AuditLog(ctx, filter, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "audit", entries, in.Limit, newAuditBody, func(e coupon.AuditEntry) any { return auditCursor{&e.ID} })
	return &auditResponse{body}, err
}

type auditFileRequest struct{ AuditFilter }

var auditHeader = []string{
	"id", "created_at", "actor_id", "actor_name", "api_key_id", "action", "target_id", "before", "after", "address", "request_id",
}

// auditFile sends all of it as CSV.
func (a *API) auditFile(ctx context.Context, in *auditFileRequest) (*huma.StreamResponse, error) {
	filter := in.filter()
	return csvFile(ctx, "audit", auditHeader,
		func(after int) ([]coupon.AuditEntry, error) {
			if after > 0 {
				filter.Before = new(int64(after))
			}
			return a.Accounts.AuditLog(ctx, filter, csvPage)
		},
		func(e coupon.AuditEntry) (int, []string) {
			address := ""
			if e.Address != nil {
				address = e.Address.String()
			}
			return int(e.ID), []string{
				strconv.FormatInt(e.ID, 10), e.CreatedAt.UTC().Format(time.RFC3339Nano), idText(e.ActorID), orZero(e.ActorName), idText(e.APIKeyID),
				string(e.Action), e.TargetID.String(), string(e.Before), string(e.After), address, e.RequestID,
			}
		})
}

func idText(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}
