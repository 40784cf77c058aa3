package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// stranger is a caller to whom nothing in the world belongs.
type stranger struct {
	name, credential string
	role             coupon.Role
	scopes           []auth.Scope // of a key
	key              bool
	refused          string // the problem that all but the public routes have for him; empty: none
}

// strangers are one of every sort.
func (h *house) strangers(t *testing.T) []stranger {
	t.Helper()
	ctx := t.Context()
	var all []stranger
	for _, role := range []coupon.Role{coupon.UserRole, coupon.Manager, coupon.Admin} {
		all = append(all, stranger{name: string(role), credential: h.person(t, role), role: role})
	}
	for _, scope := range auth.Scopes {
		text, _ := h.key(t, coupon.Admin, scope)
		all = append(all, stranger{name: "admin's key " + string(scope), credential: text, role: coupon.Admin, scopes: []auth.Scope{scope}, key: true})
	}
	for _, role := range []coupon.Role{coupon.UserRole, coupon.Manager} {
		text, _ := h.key(t, role, auth.Scopes...)
		all = append(all, stranger{name: string(role) + "'s key", credential: text, role: role, scopes: auth.Scopes, key: true})
	}
	refused := func(name, credential, code string) {
		all = append(all, stranger{name: name, credential: credential, refused: code})
	}
	refused("nobody", "", "unauthenticated")
	refused("garbage", "garbage", "unauthenticated")
	revoked, id := h.key(t, coupon.Admin, auth.Scopes...)
	require.NoError(t, h.api.Accounts.RevokeAPIKey(ctx, auth.Principal{UserID: uuid.New(), Role: coupon.Admin}, id))
	refused("revoked key", revoked, "unauthenticated")
	expired, id := h.key(t, coupon.Admin, auth.Scopes...)
	_, err := h.pool.Exec(ctx, `UPDATE api_keys SET expires_at = now() WHERE id = $1`, id)
	require.NoError(t, err)
	refused("expired key", expired, "unauthenticated")
	disabled, id := h.key(t, coupon.Admin, auth.Scopes...)
	_, err = h.pool.Exec(ctx, `UPDATE users SET disabled_at = now() WHERE id = (SELECT owner_id FROM api_keys WHERE id = $1)`, id)
	require.NoError(t, err)
	refused("disabled user's key", disabled, "unauthenticated")
	_, elsewhere, err := h.api.Accounts.CreateAPIKey(ctx, fixture.User(t, h.pool, coupon.Admin), service.NewAPIKey{
		Name: "office", Scopes: auth.Scopes, Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
	})
	require.NoError(t, err)
	refused("key from elsewhere", elsewhere, "key_network")
	foreign, err := auth.NewKeyring("another secret of thirty-two bytes", "")
	require.NoError(t, err)
	token, err := auth.NewTokens(foreign, time.Hour).Issue(coupon.User{ID: uuid.New(), Role: coupon.Admin}, uuid.New(), time.Now())
	require.NoError(t, err)
	refused("foreign token", token.Text, "unauthenticated")
	ended := h.world(t)
	require.NoError(t, h.api.Accounts.EndSession(ctx, ended.holder, ended.session))
	refused("ended session", ended.holders, "session_ended")
	return all
}

// differences calls routes as strangers and, where the table lets somebody in,
// as those who own what the path names, and tells where the service does
// something else than the table says.
func (h *house) differences(t *testing.T, table []route, strangers []stranger, owners func(access) map[string]owner) (found []string) {
	t.Helper()
	shared := h.world(t)
	for _, r := range table {
		differs := func(who string, got answer, want string) {
			found = append(found, fmt.Sprintf("%s as %s: %d %s, the table says %s", r.id, who, got.status, got.problem.Code, want))
		}
		for _, may := range []bool{false, true} { // first those who may not: the others change the world
			for _, who := range strangers {
				want := r.access.verdict(who)
				if may != (want == "") {
					continue
				}
				got := h.ask(t, who.credential, shared.request(r))
				if !verdictHolds(want, got) {
					differs(who.name, got, want)
				}
				if r.method == http.MethodDelete && got.status < http.StatusMultipleChoices {
					shared = h.world(t) // the next one finds what he names
				}
			}
		}
		for name, credential := range owners(r.access) {
			got := h.ask(t, credential(t, h, shared), shared.request(r))
			if !verdictHolds("", got) {
				differs(name, got, "they may")
			}
			if r.method == http.MethodDelete && got.status < http.StatusMultipleChoices {
				shared = h.world(t)
			}
		}
	}
	return found
}

// verdict is the problem that a stranger gets by the table; empty: he may.
func (x access) verdict(who stranger) string {
	switch {
	case x.public:
		return ""
	case who.refused != "":
		return who.refused
	case who.key && !slices.ContainsFunc(x.scopes, func(s auth.Scope) bool { return slices.Contains(who.scopes, s) }):
		return "scope_missing"
	case !slices.Contains(x.roles, who.role):
		return "forbidden"
	case x.owns != "" && (who.role != coupon.Admin || x.owns == ownSession):
		return "not found"
	}
	return ""
}

// verdictHolds: who may gets past every door. What he finds behind is not what
// this is about.
func verdictHolds(want string, got answer) bool {
	switch want {
	case "":
		return !slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden}, got.status) && got.status < http.StatusInternalServerError &&
			got.problem.Code != "coupon_unavailable" && !strings.HasSuffix(got.problem.Code, "_not_found") ||
			slices.Contains([]string{"wrong_credentials", "session_ended", "wrong_password", "export_not_found"}, got.problem.Code)
	case "not found":
		return got.status == http.StatusNotFound
	default:
		return got.problem.Code == want && (got.status == http.StatusForbidden ||
			got.status == http.StatusUnauthorized && got.header.Get("WWW-Authenticate") == "Bearer")
	}
}

// owner finds the credential of somebody in the world.
type owner func(*testing.T, *house, world) string

// ownersOf are the callers besides admins who own what the path names.
func ownersOf(x access) map[string]owner {
	manager := func(_ *testing.T, _ *house, w world) string { return w.managerToken }
	holder := func(_ *testing.T, _ *house, w world) string { return w.holders }
	key := func(t *testing.T, h *house, w world) string {
		t.Helper()
		_, text, err := h.api.Accounts.CreateAPIKey(t.Context(), w.manager, service.NewAPIKey{Name: "till", Scopes: x.scopes})
		require.NoError(t, err)
		return text
	}
	owners := map[string]owner{}
	switch x.owns {
	case "":
		return owners
	case ownSession:
		owners["its user"] = holder
		return owners
	case ownCoupon:
		owners["its holder"] = holder
	default: // managers alone
	}
	owners["its manager"] = manager
	if len(x.scopes) > 0 {
		owners["its manager's key"] = key
	}
	return owners
}

// Every route is called by every sort of caller, and does what the table says.
func TestEveryRouteAndEveryCaller(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.works = false
	require.Empty(t, h.differences(t, h.api.routes(), h.strangers(t), ownersOf))
}

// twice are routes whose use case looks at the role again, so that no door can be
// too wide.
var twice = []string{"edit-user", "erase-user", "remove-user-second-factor"}

// The test above finds every rule that is loosened: of roles, of scopes, of
// ownership, and who must be signed in at all.
func TestLoosenedRulesAreFound(t *testing.T) {
	t.Parallel()
	everyone := []coupon.Role{coupon.UserRole, coupon.Manager, coupon.Admin}
	for name, c := range map[string]struct {
		loosen func(access) access
		strict func(access) bool // routes where that makes a difference
	}{
		"roles": {
			func(x access) access { x.roles = everyone; return x },
			func(x access) bool { return !x.public && len(x.roles) < len(everyone) },
		},
		"scopes": {
			func(x access) access { x.scopes = auth.Scopes; return x },
			func(x access) bool { return !x.public },
		},
		"ownership": {
			func(x access) access { x.owns = ""; return x },
			func(x access) bool { return x.owns != "" && x.owns != ownSession }, // admins do not own that either
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.works = false
			strict := h.api.routes()
			loose := slices.Clone(strict)
			for i := range loose {
				loose[i].access = c.loosen(loose[i].access)
			}
			strangers, nobody := h.strangers(t), func(access) map[string]owner { return nil }
			h.serve(t, loose)
			found := strings.Join(h.differences(t, strict, strangers, nobody), "\n")
			for _, r := range strict {
				if c.strict(r.access) && (name != "roles" || !slices.Contains(twice, r.id)) {
					require.Contains(t, found, r.id+" as ", "the rule of %s was loosened, and nobody saw it", r.id)
				}
			}
		})
	}
}

// serve serves another table. Where that asks for no ownership, whoever may call
// a route is taken for an admin behind its door.
func (h *house) serve(t *testing.T, table []route) {
	t.Helper()
	strict := h.api.routes()
	for i, r := range table {
		if r.access.owns != strict[i].access.owns {
			table[i].register = func(api huma.API, operation huma.Operation) {
				operation.Middlewares = append(operation.Middlewares, promote)
				r.register(api, operation)
			}
		}
	}
	var err error
	h.handler, err = build(h.api.Options, func(*API) []route { return table })
	require.NoError(t, err)
}

// promote makes every caller who got through the door an admin.
func promote(ctx huma.Context, next func(huma.Context)) {
	who := callerOf(ctx.Context())
	if who.principal != nil {
		p := *who.principal
		p.Role = coupon.Admin
		who.principal = &p
	}
	requestOf(ctx.Context()).caller = who
	next(ctx)
}

// A route that no table knows does not start.
func TestARouteWithoutARuleDoesNotStart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	engine, ok := h.handler.(*gin.Engine)
	require.True(t, ok)
	api := &API{Options: h.api.Options}
	api.table = api.routes()
	require.NoError(t, api.allKnown(engine.Routes()))
	engine.GET(Prefix+"/secrets", func(*gin.Context) {})
	require.ErrorContains(t, api.allKnown(engine.Routes()), "GET "+Prefix+"/secrets is served, and no table says who may call it")
}

// A key can be made with any scope that there is.
func TestEveryScopeCanBeGiven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.call(t, h.person(t, coupon.Admin), http.MethodPost, Prefix+"/api-keys", map[string]any{"name": "all", "scopes": auth.Scopes})
	require.Equal(t, http.StatusCreated, got.status, "%s", got.body)
}

// Everything that staff changes is in the audit log: who, what, from where.
func TestEveryDeedOfStaffIsAudited(t *testing.T) {
	t.Parallel()
	h := newHouseOn(t, testdb.New(t), func(o *Options) { o.CookieSecure = false })
	h.works = false
	admin := fixture.User(t, h.pool, coupon.Admin)
	token := h.token(t, admin)
	quiet := []string{
		"edit-me", "change-password", "end-session", "end-other-sessions", // of one's own account; a password is tested with accounts
		"begin-second-factor", "confirm-second-factor", "remove-second-factor", // likewise
		"preview-codes", "validate-coupon", // they change nothing
		"claim", "claim-batch", "lock-coupon", "unlock-coupon", "redeem-coupon", // what anybody does stands in jobs and coupons' events
	}
	for _, r := range h.api.routes() {
		if r.method == http.MethodGet || r.access.public || slices.Contains(quiet, r.id) {
			continue
		}
		w := h.world(t)
		if r.id == "enable-coupon" {
			disable := w.request(route{method: http.MethodPost, path: "/coupons/{coupon}/disable", id: "disable-coupon"})
			require.Equal(t, 200, h.ask(t, token, disable).status)
		}
		if r.id == "delete-pool" { // not while a job is under way
			_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET status = 'canceled', finished_at = now() WHERE pool_id = $1 AND finished_at IS NULL`, w.pool)
			require.NoError(t, err)
		}
		if r.id == "remove-user-second-factor" {
			_, err := h.pool.Exec(t.Context(), `UPDATE users SET factor_secret = 'JBSWY3DPEHPK3PXP', factor_since = now() WHERE id = $1`, w.other)
			require.NoError(t, err)
		}
		got := h.ask(t, token, w.request(r))
		require.Less(t, got.status, 300, "%s: %s", r.id, got.body)
		var actor uuid.UUID
		var address netip.Addr
		err := h.pool.QueryRow(t.Context(), `SELECT actor_id, address FROM audit_log WHERE request_id = $1`, got.header.Get("X-Request-ID")).Scan(&actor, &address)
		require.NoError(t, err, r.id)
		require.Equal(t, admin.UserID, actor, r.id)
		require.Equal(t, "192.0.2.1", address.String(), r.id) // of httptest's requests
	}
}
