package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type memberBody struct {
	UserID     uuid.UUID  `json:"user_id"`
	Email      *string    `json:"email"`
	ExternalID *string    `json:"external_id"`
	Name       string     `json:"name"`
	DisabledAt *time.Time `json:"disabled_at" doc:"a disabled member gets nothing"`
	AddedAt    time.Time  `json:"added_at"`
}

func newMemberBody(m coupon.Member) memberBody {
	return memberBody{m.UserID, m.Email, m.ExternalID, m.Name, m.DisabledAt, m.AddedAt}
}

type membersRequest struct {
	ByID
	Paging
	Prefix string `query:"prefix" maxLength:"200" doc:"how the e-mail or the external id begins"`
}

type membersResponse struct{ Body page[memberBody] }

// poolMembers lists the members of a pool.
func (a *API) poolMembers(ctx context.Context, in *membersRequest) (*membersResponse, error) {
	var after idCursor
	if err := a.Cursors.read("members", in.Cursor, &after); err != nil {
		return nil, err
	}
	members, err := a.Service.Members(ctx, principalOf(ctx), in.ID, coupon.MemberFilter{Prefix: in.Prefix, After: after.Before}, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "members", members, in.Limit, newMemberBody, func(m coupon.Member) any { return idCursor{&m.UserID} })
	return &membersResponse{body}, err
}

// MemberRef names a user in one of three ways.
type MemberRef struct {
	UserID     *uuid.UUID `json:"user_id,omitempty"`
	Email      string     `json:"email,omitempty"`
	ExternalID string     `json:"external_id,omitempty"`
}

// MembersBody names users.
type MembersBody struct {
	Members []MemberRef `json:"members" minItems:"1" maxItems:"10000" doc:"each in one way: user_id, email or external_id"`
}

func (b MembersBody) refs() ([]coupon.UserRef, error) {
	refs := make([]coupon.UserRef, len(b.Members))
	var wrong []coupon.Field
	for i, m := range b.Members {
		var err error
		refs[i], err = coupon.NewUserRef(m.UserID, m.Email, m.ExternalID, fmt.Sprintf("/members/%d", i))
		if fault, ok := errors.AsType[*coupon.Error](err); ok {
			wrong = append(wrong, fault.Fields...)
		}
	}
	if wrong != nil {
		return nil, coupon.InvalidInput(wrong...)
	}
	return refs, nil
}

type addMembersRequest struct {
	ByID
	Body struct {
		MembersBody
		CreateMissing bool `json:"create_missing,omitempty" doc:"make accounts for e-mails and external ids that name nobody"`
	}
}

type addedResponse struct {
	Body struct {
		Added   int           `json:"added"`
		Same    int           `json:"same" doc:"were members before, or come twice"`
		Unknown []unknownBody `json:"unknown" doc:"name nobody we know"`
	}
}

type unknownBody struct {
	Index  int       `json:"index" doc:"the place in members, from 0"`
	Member MemberRef `json:"member"`
}

func (b MembersBody) unknown(places []int) []unknownBody {
	out := make([]unknownBody, len(places))
	for i, place := range places {
		out[i] = unknownBody{place, b.Members[place]}
	}
	return out
}

// addMembers adds users to a pool.
func (a *API) addMembers(ctx context.Context, in *addMembersRequest) (*addedResponse, error) {
	refs, err := in.Body.refs()
	if err != nil {
		return nil, err
	}
	done, err := a.Service.AddMembers(ctx, principalOf(ctx), in.ID, refs, in.Body.CreateMissing)
	if err != nil {
		return nil, err
	}
	out := &addedResponse{}
	out.Body.Added, out.Body.Same, out.Body.Unknown = done.Changed, done.Same, in.Body.unknown(done.Unknown)
	return out, nil
}

type removeMembersRequest struct {
	ByID
	Body MembersBody
}

type removedResponse struct {
	Body struct {
		Removed int           `json:"removed"`
		Same    int           `json:"same" doc:"were no members, or come twice"`
		Unknown []unknownBody `json:"unknown" doc:"name nobody we know"`
	}
}

// removeMembers takes users out of a pool.
func (a *API) removeMembers(ctx context.Context, in *removeMembersRequest) (*removedResponse, error) {
	refs, err := in.Body.refs()
	if err != nil {
		return nil, err
	}
	done, err := a.Service.RemoveMembers(ctx, principalOf(ctx), in.ID, refs)
	if err != nil {
		return nil, err
	}
	out := &removedResponse{}
	out.Body.Removed, out.Body.Same, out.Body.Unknown = done.Changed, done.Same, in.Body.unknown(done.Unknown)
	return out, nil
}

// MemberFileOptions say how a file is to be read, and what to do with it.
type MemberFileOptions struct {
	FileOptions
	Columns       []string `query:"columns" example:"user,-,name" doc:"what the columns are, by their place: user (an id, an e-mail or an external id), name, or - to leave one out; without it, the header says"`
	CreateMissing bool     `query:"create_missing" doc:"make accounts for e-mails and external ids that name nobody"`
}

type importMembersRequest struct {
	ByID
	SubmitHeaders
	MemberFileOptions
	gin *gin.Context // the body is read as it comes
}

// Resolve keeps the request for the handler to stream from.
func (in *importMembersRequest) Resolve(ctx huma.Context) []error {
	in.gin = humagin.Unwrap(ctx)
	return nil
}

// importMembers accepts a file of members, however long, and the job that adds
// them to the pool.
func (a *API) importMembers(ctx context.Context, in *importMembersRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("import members", in.ID.String(), in.MemberFileOptions)
	if err != nil {
		return nil, err
	}
	file := &upload{gin: in.gin, hash: sha256.New(), until: time.Now().Add(a.UploadWithin)}
	file.hash.Write(mark)
	submission, err := a.Service.SubmitMembers(ctx, principalOf(ctx), service.MemberUpload{
		PoolID: in.ID, CreateMissing: in.CreateMissing, IdempotencyKey: key, Fingerprint: func() []byte { return file.hash.Sum(nil) },
		Open: func() (codefile.Rows[coupon.MemberRow], error) {
			return open(file, func(text io.Reader) (codefile.Rows[coupon.MemberRow], error) {
				return codefile.NewMembers(text, in.options(in.Columns))
			}, nil)
		},
	})
	return a.answerBulk(ctx, submission, told(ctx, err), in.Prefer)
}
