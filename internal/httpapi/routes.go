package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// Who may call a route, but for what is somebody's own: see owning.
var (
	anyone   = access{public: true}
	signedIn = access{roles: []coupon.Role{coupon.UserRole, coupon.Manager, coupon.Admin}}
	managers = access{roles: []coupon.Role{coupon.Manager, coupon.Admin}}
	admins   = access{roles: []coupon.Role{coupon.Admin}}
)

// routes is the whole API: every operation, who may call it, and its handler.
// A route without orKey is for people only; one with owning is for who has, or
// manages, what its path names. What the table says is checked in three places:
// roles and scopes here, ownership in the use cases, and all of it by a test.
func (a *API) routes() []route {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []route{
		{post, "/auth/register", "register", "Make an account", anyone, 201, serve(a.register)},
		{post, "/auth/login", "login", "Sign in", anyone, 200, serve(a.login)},
		{post, "/auth/refresh", "refresh", "Carry a session on", anyone, 200, serve(a.refresh)},
		{post, "/auth/logout", "logout", "End the session", anyone, 204, serve(a.logout)},
		{post, "/auth/password-reset", "reset-password", "Set a new password by a link", anyone, 204, serve(a.resetPassword)},
		{get, "/me", "me", "Who am I", signedIn, 200, serve(a.me)},
		{patch, "/me", "edit-me", "Change my name", signedIn, 200, keyed(a, (*API).editMe)},
		{post, "/me/password", "change-password", "Change my password", signedIn, 204, serve(a.changePassword)},
		{post, "/me/second-factor", "begin-second-factor", "Make a secret for my authenticator app", signedIn, 201, serve(a.beginSecondFactor)},
		{post, "/me/second-factor/confirm", "confirm-second-factor", "Turn my second factor on", signedIn, 200, serve(a.confirmSecondFactor)},
		{post, "/me/second-factor/remove", "remove-second-factor", "Turn my second factor off", signedIn, 204, serve(a.removeSecondFactor)},
		{get, "/me/sessions", "my-sessions", "Where I am signed in", signedIn, 200, serve(a.mySessions)},
		{del, "/me/sessions", "end-other-sessions", "Sign out everywhere else", signedIn, 204, keyed(a, (*API).endOtherSessions)},
		{del, "/me/sessions/{id}", "end-session", "Sign out somewhere", signedIn.owning(ownSession), 204, keyed(a, (*API).endSession)},
		{get, "/me/coupons", "my-coupons", "My coupons", signedIn, 200, serve(a.myCoupons)},

		{get, "/users", "list-users", "List users", admins, 200, serve(a.listUsers)},
		{post, "/users", "create-user", "Make an account", admins, 201, keyed(a, (*API).createUser)},
		{get, "/users/{id}", "get-user", "Read a user", admins, 200, serve(a.getUser)},
		{patch, "/users/{id}", "edit-user", "Change, disable or enable a user", admins, 200, keyed(a, (*API).editUser)},
		{del, "/users/{id}", "erase-user", "Forget who a user is", admins, 204, keyed(a, (*API).eraseUser)},
		{del, "/users/{id}/sessions", "end-user-sessions", "Sign a user out everywhere", admins, 204, keyed(a, (*API).endUserSessions)},
		{del, "/users/{id}/second-factor", "remove-user-second-factor", "Turn a user's second factor off", admins, 204, keyed(a, (*API).removeUserSecondFactor)},
		{post, "/users/{id}/password-reset", "make-reset-link", "Make a link to set a new password", admins, 201, keyed(a, (*API).makeResetLink)},
		{get, "/audit", "audit", "What staff did", admins, 200, serve(a.listAudit)},
		{get, "/audit.csv", "audit-file", "The same as CSV, all of it", admins, 200, serve(a.auditFile)},

		{get, "/api-keys", "list-api-keys", "List API keys", admins, 200, serve(a.listAPIKeys)},
		{post, "/api-keys", "create-api-key", "Make an API key", admins, 201, keyed(a, (*API).createAPIKey)},
		{post, "/api-keys/{id}/rotate", "rotate-api-key", "Give an API key a new secret", admins, 200, keyed(a, (*API).rotateAPIKey)},
		{del, "/api-keys/{id}", "revoke-api-key", "Revoke an API key", admins, 204, keyed(a, (*API).revokeAPIKey)},

		{get, "/books", "list-books", "List books", managers.orKey(auth.BooksRead), 200, serve(a.listBooks)},
		{post, "/books", "create-book", "Make a book", managers.orKey(auth.BooksWrite), 201, keyed(a, (*API).createBook)},
		{get, "/books/{id}", "get-book", "Read a book", signedIn.orKey(auth.BooksRead).owning(readableBook), 200, serve(a.getBook)},
		{patch, "/books/{id}", "edit-book", "Change a book", managers.orKey(auth.BooksWrite).owning(ownBook), 200, keyed(a, (*API).editBook)},
		{del, "/books/{id}", "archive-book", "Close a book and take it out of the lists", managers.orKey(auth.BooksWrite).owning(ownBook), 204, keyed(a, (*API).archiveBook)},
		{post, "/books/{id}/activate", "activate-book", "Open a book for claims", managers.orKey(auth.BooksWrite).owning(ownBook), 200, keyed(a, moveBook(coupon.Active))},
		{post, "/books/{id}/pause", "pause-book", "Pause a book", managers.orKey(auth.BooksWrite).owning(ownBook), 200, keyed(a, moveBook(coupon.Paused))},
		{post, "/books/{id}/close", "close-book", "Close a book for good", managers.orKey(auth.BooksWrite).owning(ownBook), 200, keyed(a, moveBook(coupon.Closed))},
		{get, "/books/{id}/stats", "book-stats", "Count a book's coupons and claims", managers.orKey(auth.BooksRead).owning(ownBook), 200, serve(a.bookStats)},
		{get, "/books/{id}/activity", "book-activity", "What happened in a book, hour by hour", managers.orKey(auth.BooksRead).owning(ownBook), 200, serve(a.bookActivity)},
		{get, "/books/{id}/coupons", "book-coupons", "List a book's coupons", managers.orKey(auth.BooksRead).owning(ownBook), 200, serve(a.bookCoupons)},
		{post, "/books/{id}/coupons", "add-coupon", "Add a single code", managers.orKey(auth.BooksWrite).owning(ownBook), 201, serve(a.addCoupon)},
		{get, "/books/{id}/batches", "book-batches", "List how a book's codes came", managers.orKey(auth.BooksRead).owning(ownBook), 200, serve(a.bookBatches)},
		{post, "/books/{id}/batches/{batch}/void", "void-batch", "Kill all coupons of a batch for good", managers.orKey(auth.CouponsWrite).owning(ownBook), 202, serve(a.voidBatch)},
		{post, "/books/{id}/codes/export", "export-codes", "Make a file of a book's codes", managers.orKey(auth.BooksRead).owning(ownBook), 202, serve(a.exportCodes)},
		{get, "/exports/{token}", "download-export", "Fetch the file of an export", anyone, 200, serve(a.downloadExport)},
		{get, "/books/{id}/redemptions", "book-redemptions", "List uses and refused tries", managers.orKey(auth.BooksRead).owning(ownBook), 200, serve(a.bookRedemptions)},
		{post, "/codes/preview", "preview-codes", "Show what a pattern makes", managers.orKey(auth.BooksRead), 200, serve(a.previewCodes)},
		{post, "/books/{id}/codes/upload", "upload-codes", "Upload codes", managers.orKey(auth.BooksWrite).owning(ownBook), 202, files(codeList, serve(a.uploadCodes))},
		{post, "/books/{id}/codes/generate", "generate-codes", "Make codes", managers.orKey(auth.BooksWrite).owning(ownBook), 202, serve(a.generateCodes)},

		{get, "/activity", "activity", "What happened in all books, hour by hour", managers.orKey(auth.BooksRead), 200, serve(a.activity)},
		{get, "/stock", "stock", "What the open books have left, the scarcest first", managers.orKey(auth.BooksRead), 200, serve(a.stock)},
		{get, "/sales", "list-sales", "Open and coming sales", signedIn, 200, serve(a.listSales)},
		{get, "/sales/{id}", "get-sale", "A sale", signedIn, 200, serve(a.getSale)},
		{post, "/books/{id}/claims", "claim", "Claim coupons", signedIn.orKey(auth.ClaimsWrite).owning(openBook), 202, serve(a.claim)},
		{post, "/books/{id}/claims/batch", "claim-batch", "Claim coupons for many users at once", managers.orKey(auth.ClaimsWrite).owning(ownBook), 202, serve(a.claimBatch)},
		{get, "/coupons/{coupon}", "get-coupon", "Read a coupon", signedIn.orKey(auth.CouponsRedeem).owning(ownCoupon), 200, serve(a.getCoupon)},
		{get, "/coupons/{coupon}/timeline", "coupon-timeline", "What happened to a coupon", signedIn.orKey(auth.CouponsRedeem).owning(ownCoupon), 200, serve(a.timeline)},
		{post, "/coupons/{coupon}/validate", "validate-coupon", "Ask whether a coupon can be used", signedIn.orKey(auth.CouponsRedeem).owning(ownCoupon), 200, serve(a.validateCoupon)},
		{post, "/coupons/{coupon}/lock", "lock-coupon", "Hold a coupon during a purchase", signedIn.orKey(auth.CouponsRedeem).owning(ownCoupon), 200, serve(a.lockCoupon)},
		{post, "/coupons/{coupon}/unlock", "unlock-coupon", "Let go of a coupon", signedIn.orKey(auth.CouponsRedeem).owning(ownCoupon), 200, serve(a.unlockCoupon)},
		{post, "/coupons/{coupon}/redeem", "redeem-coupon", "Use a coupon", signedIn.orKey(auth.CouponsRedeem).owning(ownCoupon), 200, serve(a.redeemCoupon)},
		{post, "/coupons/{coupon}/assign", "assign-coupon", "Give this very coupon to somebody", managers.orKey(auth.CouponsWrite).owning(bookCoupon), 202, serve(a.assignCoupon)},
		{post, "/coupons/{coupon}/revoke", "revoke-coupon", "Take a coupon back into the stock", managers.orKey(auth.CouponsWrite).owning(bookCoupon), 200, serve(a.staffChange("revoke", a.Till.Revoke))},
		{post, "/coupons/{coupon}/void", "void-coupon", "Kill a coupon for good", managers.orKey(auth.CouponsWrite).owning(bookCoupon), 200, serve(a.staffChange("void", a.Till.Void))},
		{post, "/coupons/{coupon}/disable", "disable-coupon", "Keep a coupon from being given out and used", managers.orKey(auth.CouponsWrite).owning(bookCoupon), 200, serve(a.staffChange("disable", a.Till.Disable))},
		{post, "/coupons/{coupon}/enable", "enable-coupon", "End the disabling of a coupon", managers.orKey(auth.CouponsWrite).owning(bookCoupon), 200, serve(a.staffChange("enable", a.Till.Enable))},
		{post, "/redemptions/{id}/rollback", "roll-back-redemption", "Give the use of a coupon back", managers.orKey(auth.CouponsRedeem).owning(ownRedemption), 200, serve(a.rollBack)},

		{get, "/pools", "list-pools", "List pools", managers.orKey(auth.PoolsRead), 200, serve(a.listPools)},
		{post, "/pools", "create-pool", "Make a pool", managers.orKey(auth.PoolsWrite), 201, keyed(a, (*API).createPool)},
		{get, "/pools/{id}", "get-pool", "Read a pool", managers.orKey(auth.PoolsRead).owning(ownPool), 200, serve(a.getPool)},
		{patch, "/pools/{id}", "edit-pool", "Change a pool", managers.orKey(auth.PoolsWrite).owning(ownPool), 200, keyed(a, (*API).editPool)},
		{del, "/pools/{id}", "delete-pool", "Delete a pool", managers.orKey(auth.PoolsWrite).owning(ownPool), 204, keyed(a, (*API).deletePool)},
		{get, "/pools/{id}/members", "pool-members", "List a pool's members", managers.orKey(auth.PoolsRead).owning(ownPool), 200, serve(a.poolMembers)},
		{post, "/pools/{id}/members", "add-members", "Add members", managers.orKey(auth.PoolsWrite).owning(ownPool), 200, keyed(a, (*API).addMembers)},
		{post, "/pools/{id}/members/remove", "remove-members", "Remove members", managers.orKey(auth.PoolsWrite).owning(ownPool), 200, keyed(a, (*API).removeMembers)},
		{post, "/pools/{id}/import", "import-members", "Import members from a file", managers.orKey(auth.PoolsWrite).owning(ownPool), 202, files(nil, serve(a.importMembers))},
		{post, "/pools/{id}/distributions", "distribute", "Give coupons to a pool, or plan to", managers.orKey(auth.Distribute).owning(ownPool), 202, serve(a.distribute)},

		{get, "/webhooks", "list-webhooks", "List webhook endpoints", managers.orKey(auth.WebhooksRead), 200, serve(a.listEndpoints)},
		{post, "/webhooks", "create-webhook", "Register a webhook endpoint", managers.orKey(auth.WebhooksWrite), 201, keyed(a, (*API).createEndpoint)},
		{get, "/webhooks/{id}", "get-webhook", "Read a webhook endpoint", managers.orKey(auth.WebhooksRead).owning(ownEndpoint), 200, serve(a.getEndpoint)},
		{patch, "/webhooks/{id}", "edit-webhook", "Change, pause, disable or enable a webhook endpoint", managers.orKey(auth.WebhooksWrite).owning(ownEndpoint), 200, keyed(a, (*API).editEndpoint)},
		{del, "/webhooks/{id}", "delete-webhook", "Delete a webhook endpoint", managers.orKey(auth.WebhooksWrite).owning(ownEndpoint), 204, keyed(a, (*API).deleteEndpoint)},
		{post, "/webhooks/{id}/test", "test-webhook", "Send a test message and see what comes of it", managers.orKey(auth.WebhooksWrite).owning(ownEndpoint), 200, serve(a.testEndpoint)},
		{post, "/webhooks/{id}/rotate-secret", "rotate-webhook-secret", "Give an endpoint a new secret", managers.orKey(auth.WebhooksWrite).owning(ownEndpoint), 200, keyed(a, (*API).rotateSecret)},
		{post, "/webhooks/{id}/replay", "replay-webhook", "Send the events of a span of time again", managers.orKey(auth.WebhooksWrite).owning(ownEndpoint), 202, serve(a.replay)},
		{get, "/webhooks/{id}/deliveries", "webhook-deliveries", "List what was sent to an endpoint", managers.orKey(auth.WebhooksRead).owning(ownEndpoint), 200, serve(a.listDeliveries)},
		{get, "/deliveries/{id}", "get-delivery", "Read a delivery with its attempts", managers.orKey(auth.WebhooksRead).owning(ownDelivery), 200, serve(a.getDelivery)},
		{post, "/deliveries/{id}/redeliver", "redeliver", "Send a delivery again", managers.orKey(auth.WebhooksWrite).owning(ownDelivery), 200, keyed(a, (*API).redeliver)},
		{get, "/events", "list-events", "Follow everything that happens, in order", managers.orKey(auth.EventsRead), 200, serve(a.listEvents)},
		{get, "/event-types", "event-types", "The events there are, with their schemas", anyone, 200, serve(a.listEventTypes)},

		{get, "/jobs", "list-jobs", "List jobs", signedIn.orKey(auth.JobsRead), 200, serve(a.listJobs)},
		{get, "/queues", "queues", "How far the work is behind", admins, 200, serve(a.queues)},
		{get, "/jobs/{id}/outcomes", "job-outcomes", "What became of the items of a bulk job", signedIn.orKey(auth.JobsRead).owning(ownJob), 200, serve(a.jobOutcomes)},
		{get, "/jobs/{id}/outcomes.csv", "job-report", "The same as CSV, all of it", signedIn.orKey(auth.JobsRead).owning(ownJob), 200, serve(a.jobReport)},
		{post, "/jobs/{id}/pause", "pause-job", "Pause a distribution", managers.orKey(auth.Distribute).owning(ownJob), 200, keyed(a, steerJob((*service.Service).PauseJob))},
		{post, "/jobs/{id}/resume", "resume-job", "Let a paused distribution go on", managers.orKey(auth.Distribute).owning(ownJob), 200, keyed(a, steerJob((*service.Service).ResumeJob))},
		{post, "/jobs/{id}/cancel", "cancel-job", "End a job that waits, or a distribution where it is", signedIn.orKey(auth.Distribute, auth.ClaimsWrite).owning(ownJob), 200, keyed(a, steerJob((*service.Service).CancelJob))},
		{post, "/jobs/{id}/retry", "retry-job", "Try a job again that failed by our fault", admins, 202, serve(a.retryJob)},
		{post, "/jobs/{id}/recall", "recall-job", "Take back what a distribution gave out", managers.orKey(auth.Distribute).owning(ownJob), 202, serve(a.recallJob)},
		{get, "/jobs/{id}/stream", "stream-job", "Follow a job by server-sent events", signedIn.orKey(auth.JobsRead).owning(ownJob), 200, serve(a.streamJob)},
		{get, "/jobs/{id}", "get-job", "Follow a job", signedIn.orKey(auth.JobsRead).owning(ownJob), 200, serve(a.getJob)},
	}
}

// route is one operation of the API.
type route struct {
	method, path string
	id, summary  string
	access       access
	status       int
	register     func(huma.API, huma.Operation)
}

// serve adapts a typed handler to the table.
func serve[I, O any](handler func(context.Context, *I) (*O, error)) func(huma.API, huma.Operation) {
	return func(api huma.API, operation huma.Operation) { huma.Register(api, operation, handler) }
}

// mount registers the route behind its policy.
func (r route) mount(a *API, api huma.API) {
	operation := huma.Operation{
		Method: r.method, Path: r.path, OperationID: r.id, Summary: r.summary, DefaultStatus: r.status,
		Description: "For " + r.access.String() + ".", MaxBodyBytes: maxBody,
		Middlewares: huma.Middlewares{a.limited(r), a.enforce(r.access), a.budgeted(r), bounded, knownQuery},
		Tags:        []string{strings.Split(r.path, "/")[1]},
		Responses:   map[string]*huma.Response{},
	}
	if !r.access.public {
		operation.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	r.register(api, operation)
	if accepted := operation.Responses["202"]; accepted != nil { // a job, which may have ended: see answerSubmit
		ended := *accepted
		ended.Description = "The job has ended: it was waited for, or asked for before under the same key"
		operation.Responses["200"] = &ended
	}
}
