package httpapi

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// poolHouse is a house with a manager who has a pool.
type poolHouse struct {
	*house
	manager string
	pool    poolBody
	path    string
}

func newPoolHouse(t *testing.T) *poolHouse {
	t.Helper()
	p := &poolHouse{house: newHouse(t)}
	p.manager = p.person(t, coupon.Manager)
	got := p.call(t, p.manager, http.MethodPost, Prefix+"/pools", map[string]any{"name": " VIPs ", "description": "the best"})
	require.Equal(t, http.StatusCreated, got.status, "%s", got.body)
	got.read(t, &p.pool)
	p.path = Prefix + "/pools/" + p.pool.ID.String()
	return p
}

// A pool is made, read, changed by who has read it last, listed and deleted.
func TestPools(t *testing.T) {
	t.Parallel()
	p := newPoolHouse(t)
	require.Equal(t, "VIPs", p.pool.Name)
	got := p.call(t, p.manager, http.MethodGet, p.path, nil)
	tag := got.header.Get("ETag")
	require.Equal(t, `"1"`, tag)
	var pool poolBody
	p.call(t, p.manager, http.MethodPatch, p.path, map[string]any{"name": "Very important"}, "If-Match", tag).read(t, &pool)
	require.Equal(t, []any{"Very important", "the best", 2}, []any{pool.Name, pool.Description, pool.Version})
	require.Equal(t, "pool_changed", p.call(t, p.manager, http.MethodPatch, p.path, map[string]any{"name": "x"}, "If-Match", tag).problem.Code)
	require.Equal(t, "/name", p.call(t, p.manager, http.MethodPatch, p.path, map[string]any{"name": " "}).problem.Errors[0].Pointer)
	require.Equal(t, "/name", p.call(t, p.manager, http.MethodPost, Prefix+"/pools", map[string]any{"name": ""}).problem.Errors[0].Pointer)

	for range 2 {
		p.call(t, p.manager, http.MethodPost, Prefix+"/pools", map[string]any{"name": "more"})
	}
	var listed page[poolBody]
	p.call(t, p.manager, http.MethodGet, Prefix+"/pools?limit=2", nil).read(t, &listed)
	require.Len(t, listed.Data, 2)
	p.call(t, p.manager, http.MethodGet, Prefix+"/pools?limit=2&cursor="+*listed.NextCursor, nil).read(t, &listed)
	require.Equal(t, []poolBody{pool}, listed.Data)
	require.Nil(t, listed.NextCursor)
	require.Equal(t, "cursor", p.call(t, p.manager, http.MethodGet, Prefix+"/pools?cursor=x", nil).problem.Errors[0].Pointer)
	p.call(t, p.person(t, coupon.Admin), http.MethodGet, Prefix+"/pools", nil).read(t, &listed)
	require.Len(t, listed.Data, 3)

	stranger := p.person(t, coupon.Manager)
	p.call(t, stranger, http.MethodGet, Prefix+"/pools", nil).read(t, &listed)
	require.Empty(t, listed.Data)
	member := map[string]any{"members": []any{map[string]any{"external_id": "x"}}}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{http.MethodGet, "", nil},
		{http.MethodPatch, "", map[string]any{"name": "x"}},
		{http.MethodDelete, "", nil},
		{http.MethodGet, "/members", nil},
		{http.MethodPost, "/members", member},
		{http.MethodPost, "/members/remove", member},
		{http.MethodPost, "/distributions", map[string]any{"book_id": uuid.New(), "mode": "equal", "per_user": 1}},
	} {
		require.Equal(t, "pool_not_found", p.call(t, stranger, c.method, p.path+c.path, c.body).problem.Code, c)
	}
	require.Equal(t, http.StatusNoContent, p.call(t, p.manager, http.MethodDelete, p.path, nil).status)
	require.Equal(t, "pool_not_found", p.call(t, p.manager, http.MethodGet, p.path, nil).problem.Code)
}

// Members are named in three ways; who is not known is told by his place, or
// made.
func TestMembers(t *testing.T) {
	t.Parallel()
	p := newPoolHouse(t)
	users := fixture.Users(t, p.house.pool, 3)
	_, err := p.house.pool.Exec(t.Context(), `UPDATE users SET email = 'ann@example.com', external_id = 'crm-1', name = 'Ann' WHERE id = $1`, users[0].UserID)
	require.NoError(t, err)
	members := []any{
		map[string]any{"email": "Ann@example.com"},
		map[string]any{"external_id": "crm-1"},
		map[string]any{"user_id": users[1].UserID},
		map[string]any{"email": "nobody@example.com"},
		map[string]any{"external_id": "crm-9"},
		map[string]any{"user_id": uuid.Nil},
	}
	var added struct {
		Added, Same, Removed int
		Unknown              []struct {
			Index  int
			Member map[string]any
		}
	}
	p.call(t, p.manager, http.MethodPost, p.path+"/members", map[string]any{"members": members}).read(t, &added)
	require.Equal(t, []int{2, 1, 3}, []int{added.Added, added.Same, len(added.Unknown)})
	require.Equal(t, 3, added.Unknown[0].Index)
	require.Equal(t, "nobody@example.com", added.Unknown[0].Member["email"])
	for _, want := range [][]int{{2, 3, 1}, {0, 5, 1}} {
		p.call(t, p.manager, http.MethodPost, p.path+"/members", map[string]any{"members": members, "create_missing": true}).read(t, &added)
		require.Equal(t, want, []int{added.Added, added.Same, len(added.Unknown)}, "an id makes nobody")
	}
	var pool poolBody
	p.call(t, p.manager, http.MethodGet, p.path, nil).read(t, &pool)
	require.Equal(t, 4, pool.Members)

	var listed page[memberBody]
	cursor, seen := "", 0
	for {
		p.call(t, p.manager, http.MethodGet, p.path+"/members?limit=3&cursor="+cursor, nil).read(t, &listed)
		if seen += len(listed.Data); listed.NextCursor == nil {
			break
		}
		cursor = *listed.NextCursor
	}
	require.Equal(t, 4, seen)
	for prefix, want := range map[string]int{"ANN@": 1, "crm-": 2, "crm-9": 1, "nobody": 1, "zz": 0} {
		p.call(t, p.manager, http.MethodGet, p.path+"/members?prefix="+prefix, nil).read(t, &listed)
		require.Len(t, listed.Data, want, prefix)
	}
	require.Equal(t, "cursor", p.call(t, p.manager, http.MethodGet, p.path+"/members?cursor=x", nil).problem.Errors[0].Pointer)

	for _, want := range [][]int{{2, 1, 1}, {0, 3, 1}} {
		p.call(t, p.manager, http.MethodPost, p.path+"/members/remove", map[string]any{"members": []any{members[0], members[1], members[2], members[5]}}).read(t, &added)
		require.Equal(t, want, []int{added.Removed, added.Same, len(added.Unknown)})
	}
	for name, bad := range map[string]any{
		"/members/0":       []any{map[string]any{"email": "a@example.com", "external_id": "b"}},
		"/members/1/email": []any{map[string]any{"external_id": "b"}, map[string]any{"email": "x"}},
		"/members":         []any{},
	} {
		for _, route := range []string{"/members", "/members/remove"} {
			got := p.call(t, p.manager, http.MethodPost, p.path+route, map[string]any{"members": bad})
			require.Equal(t, "invalid_input", got.problem.Code, name)
			require.Equal(t, name, got.problem.Errors[0].Pointer)
		}
	}
	fixture.Verify(t, p.house.pool)
}

// imported sends a file of members and runs its job.
func (p *poolHouse) imported(t *testing.T, query, kind, file string) (answer, jobBody) {
	t.Helper()
	got := p.call(t, p.manager, http.MethodPost, p.path+"/import"+query, file, "Content-Type", kind)
	var job jobBody
	if got.status == http.StatusAccepted {
		got.read(t, &job)
		for range 2 { // a task may come again
			_, err := p.service.ImportMembers(context.WithoutCancel(t.Context()), job.ID)
			require.NoError(t, err)
		}
		p.call(t, p.manager, http.MethodGet, job.Links.Self, nil).read(t, &job)
	}
	return got, job
}

// A file of members is read like a file of codes: each row is a member by the
// end, or told with its reason.
func TestImportOfMembers(t *testing.T) {
	t.Parallel()
	p := newPoolHouse(t)
	user := fixture.Users(t, p.house.pool, 1)[0]
	file := "E-Mail;Full name\nann@example.com;Ann\n" + user.UserID.String() + ";\ncrm-7;Ben\n;Nobody\nno@@mail;\nann@example.com;Twice\na;b;c\n"
	_, job := p.imported(t, "", "text/csv", file)
	require.Equal(t, coupon.PartiallySucceeded, job.Status)
	require.Nil(t, job.BookID)
	require.Equal(t, p.pool.ID, *job.PoolID)
	require.Equal(t, importedMembersBody{Added: 1, Same: 0, Refused: 6, Reasons: map[string]int{
		"unknown_user": 3, "missing_user": 1, "bad_user": 1, "malformed": 1,
	}}, *job.Result.Members)
	report := p.call(t, p.manager, http.MethodGet, job.Links.Self+"/outcomes.csv", nil)
	lines := strings.Split(strings.TrimSpace(string(report.body)), "\n")
	require.Equal(t, "row,user,reason,detail", lines[0])
	require.Equal(t, `2,ann@example.com,unknown_user,"there is no such user: make the account first, or import with create_missing"`, lines[1])
	require.Len(t, lines, 7)

	_, job = p.imported(t, "?create_missing=true", "text/csv", file)
	require.Equal(t, []int{2, 2, 3}, []int{job.Result.Members.Added, job.Result.Members.Same, job.Result.Members.Refused})
	var listed page[memberBody]
	p.call(t, p.manager, http.MethodGet, p.path+"/members?prefix=ann", nil).read(t, &listed)
	require.Equal(t, "Ann", listed.Data[0].Name)

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "people.csv")
	require.NoError(t, err)
	_, err = part.Write([]byte("crm-7,x\ncrm-8,y\n"))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	_, job = p.imported(t, "?columns=user,-&header=no", form.FormDataContentType(), body.String())
	require.Equal(t, []int{0, 1, 1}, []int{job.Result.Members.Added, job.Result.Members.Same, job.Result.Members.Refused})
	require.Zero(t, p.count(t, `SELECT count(*) FROM member_rows WHERE job_id NOT IN (SELECT id FROM jobs)`))
	fixture.Verify(t, p.house.pool)
}

func (h *house) count(t *testing.T, query string) (n int) {
	t.Helper()
	require.NoError(t, h.pool.QueryRow(t.Context(), query).Scan(&n))
	return n
}

// What is no file of members leaves nothing behind.
func TestBadFilesOfMembers(t *testing.T) {
	t.Parallel()
	p := newPoolHouse(t)
	for name, c := range map[string]struct{ query, kind, file, code, says string }{
		"empty":            {"", "text/csv", "", "bad_file", "with a user in each row"},
		"no column":        {"", "text/csv", "a,b\nc,d\n", "bad_file", "a column called user"},
		"only a header":    {"", "text/csv", "user\n", "bad_file", "no rows"},
		"codes in it":      {"", "text/csv", "user,code\nA,B\n", "bad_file", `Column 2 is called "code"`},
		"two users":        {"", "text/csv", "user,email\nA,B\n", "bad_file", "two columns"},
		"an archive":       {"", "text/csv", "PK\x03\x04", "bad_file", "ZIP"},
		"a quote":          {"", "text/csv", "user\n\"A\nB\n", "bad_file", "quote"},
		"JSON":             {"", "application/json", `{"members": []}`, "unsupported_media_type", "Send text/csv, or a form"},
		"columns for none": {"?columns=-,name", "text/csv", "A,B\n", "bad_file", "No column has the users"},
		"a bad key":        {"", "text/csv", "A\n", "", ""},
	} {
		if name == "a bad key" {
			got := p.call(t, p.manager, http.MethodPost, p.path+"/import", c.file, "Content-Type", c.kind, "Idempotency-Key", "a b")
			require.Equal(t, "Idempotency-Key", got.problem.Errors[0].Pointer)
			continue
		}
		got, _ := p.imported(t, c.query, c.kind, c.file)
		require.Equal(t, c.code, got.problem.Code, "%s: %s", name, got.body)
		require.Contains(t, got.problem.Detail, c.says, name)
	}
	got := p.call(t, p.person(t, coupon.Manager), http.MethodPost, p.path+"/import", "A\n", "Content-Type", "text/csv")
	require.Equal(t, "pool_not_found", got.problem.Code)
	require.Zero(t, p.count(t, `SELECT count(*) FROM member_rows`))
	require.Zero(t, p.count(t, `SELECT count(*) FROM jobs`))
	// The same key brings the same job, and other rows are no other file of it.
	send := func(file string) answer {
		return p.call(t, p.manager, http.MethodPost, p.path+"/import", file, "Content-Type", "text/csv", "Idempotency-Key", "k")
	}
	first, replay := send("A\n"), send("A\n")
	require.Equal(t, first.header.Get("Location"), replay.header.Get("Location"))
	require.Equal(t, "idempotency_key_reused", send("B\n").problem.Code)
	require.Equal(t, 1, p.count(t, `SELECT count(*) FROM member_rows`))
	// A pool that is deleted takes nobody any more.
	var job jobBody
	send("A\n").read(t, &job)
	_, err := p.house.pool.Exec(t.Context(), `UPDATE pools SET deleted_at = now()`)
	require.NoError(t, err)
	_, err = p.house.pool.Exec(t.Context(), `INSERT INTO users (id, external_id) VALUES (gen_random_uuid(), 'A')`)
	require.NoError(t, err)
	_, err = p.service.ImportMembers(context.WithoutCancel(t.Context()), job.ID)
	require.NoError(t, err)
	p.call(t, p.person(t, coupon.Admin), http.MethodGet, job.Links.Self, nil).read(t, &job)
	require.Equal(t, "pool_not_found", job.Error.Code)
}
