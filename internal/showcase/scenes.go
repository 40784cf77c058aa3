package showcase

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"couponbook/client"
)

// scenes is the whole play, in order; later ones build on earlier ones.
var scenes = []scene{
	{"a manager is signed in", signedIn},
	{"two customers make an account", register},
	{"a book is made: two coupons a person, rollback for an hour", makeBook},
	{"twenty codes are made by a job", generate},
	{"a draft gives nothing out", claimFromDraft},
	{"the book is opened, and the sale is there", open},
	{"Ann claims a random code", claim},
	{"the same request again brings the same job", claimAgain},
	{"the manager assigns a chosen code to Ann", assign},
	{"the same code cannot be assigned twice", assignTaken},
	{"a third coupon is over Ann's limit", overLimit},
	{"redeem without a lock is refused", redeemUnlocked},
	{"Ann locks her coupon", lock},
	{"a second lock is refused, with the time to wait", secondLock},
	{"redeem with a wrong token is refused", wrongToken},
	{"validate names every reason, and changes nothing", validate},
	{"Ben gets the same answer as for a code that does not exist", stranger},
	{"Ann redeems with her token, and gets the benefit", redeem},
	{"a second redeem is refused", redeemAgain},
	{"the same order again gets the same redemption", sameOrder},
	{"the manager rolls the redemption back, once", rollBack},
	{"unlock lets go of a lock", unlock},
	{"a paused book stops the till at once", pause},
	{"an edit of a book that has changed is refused", staleEdit},
	{"revoke puts a coupon back into the stock", revoke},
	{"void kills a coupon for good", void},
	{"a coupon with a second to live is over after it", expiry},
	{"the manager sees uses and refused tries", uses},
	{"the timeline tells a coupon's life without a gap", timeline},
	{"the statistics are exact", stats},
	{"the book is archived", archive},
}

func signedIn(ctx context.Context, s *stage) (string, error) {
	var me struct{ Email, Role string }
	err := get(ctx, s.manager, "/me", &me)
	return me.Email + ", " + me.Role, err
}

func register(ctx context.Context, s *stage) (string, error) {
	var names []string
	for _, who := range []struct {
		name string
		c    **client.Client
	}{{"ann", &s.ann}, {"ben", &s.ben}} {
		email, password := who.name+"-"+uuid.NewString()[:8]+"@example.com", uuid.NewString()
		var user struct {
			ID uuid.UUID `json:"id"`
		}
		if err := post(ctx, s.guest, "/auth/register", body{"email": email, "password": password, "name": who.name}, &user); err != nil {
			return "", err
		}
		token, err := s.guest.SignIn(ctx, email, password)
		if err != nil {
			return "", err
		}
		if *who.c = s.guest.As(token); who.c == &s.ann {
			s.annID = user.ID
		}
		names = append(names, email)
	}
	return names[0] + ", " + names[1], nil
}

func makeBook(ctx context.Context, s *stage) (string, error) {
	err := post(ctx, s.manager, "/books", body{
		"name": "Showcase " + time.Now().Format(time.DateTime), "max_assignments_per_user": 2, "rollback_window_seconds": 3600,
		"benefit": body{"percent_off": 10},
	}, &s.book)
	return s.book.Name + ", " + s.book.Status, err
}

func generate(ctx context.Context, s *stage) (string, error) {
	job, err := finished(ctx, s.manager, s.book.path("/codes/generate"), body{"count": 20, "pattern": "SHOW-####-####"})
	return "job " + job.Status, errors.Join(err, require("the job", job.Status, "succeeded"))
}

func claimFromDraft(ctx context.Context, s *stage) (string, error) {
	return refused(post(ctx, s.manager, s.book.path("/claims"), nil, nil), "book_not_active")
}

func open(ctx context.Context, s *stage) (string, error) {
	if err := post(ctx, s.manager, s.book.path("/activate"), nil, &s.book); err != nil {
		return "", err
	}
	var sale struct{ Name, Phase string }
	err := get(ctx, s.ann, "/sales/"+s.book.ID.String(), &sale)
	return sale.Name + ", " + sale.Phase, errors.Join(err, require("the sale", sale.Phase, "open"))
}

var claimKey = client.Header{Name: "Idempotency-Key", Value: "claim"}

func claim(ctx context.Context, s *stage) (string, error) {
	job, err := finished(ctx, s.ann, s.book.path("/claims"), nil, claimKey)
	if err = errors.Join(err, require("the job", job.Status, "succeeded")); err != nil {
		return "", err
	}
	s.coupon = job.Result.Coupons[0].ID
	return job.Result.Coupons[0].Code, nil
}

func claimAgain(ctx context.Context, s *stage) (string, error) {
	job, err := finished(ctx, s.ann, s.book.path("/claims"), nil, claimKey)
	if err != nil || job.Result == nil {
		return "", errors.Join(err, require("the job", job.Status, "succeeded"))
	}
	return job.Result.Coupons[0].Code, require("the coupon", job.Result.Coupons[0].ID, s.coupon)
}

func assign(ctx context.Context, s *stage) (string, error) {
	var free struct{ Data []coupon }
	if err := get(ctx, s.manager, s.book.path("/coupons?state=UNASSIGNED&limit=1"), &free); err != nil {
		return "", err
	}
	if len(free.Data) == 0 {
		return "", errors.New("the book lists no free coupon")
	}
	s.second = free.Data[0].ID
	job, err := finished(ctx, s.manager, couponPath(s.second, "/assign"), body{"user_id": s.annID})
	return free.Data[0].Code, errors.Join(err, require("the job", job.Status, "succeeded"))
}

func assignTaken(ctx context.Context, s *stage) (string, error) {
	return jobRefused(ctx, s.manager, couponPath(s.second, "/assign"), body{"user_id": s.annID}, "coupon_taken")
}

func overLimit(ctx context.Context, s *stage) (string, error) {
	return jobRefused(ctx, s.ann, s.book.path("/claims"), nil, "limit_reached")
}

// jobRefused submits a job that must end with this refusal.
func jobRefused(ctx context.Context, c *client.Client, path string, in any, code string) (string, error) {
	job, err := finished(ctx, c, path, in)
	if err != nil || job.Error == nil {
		return "", errors.Join(err, require("the job", job.Status, "failed"))
	}
	return "job " + job.Status + ": " + job.Error.Code, require("the refusal", job.Error.Code, code)
}

func archive(ctx context.Context, s *stage) (string, error) {
	if err := s.manager.Do(ctx, http.MethodDelete, prefix+s.book.path(""), nil, nil); err != nil {
		return "", err
	}
	err := get(ctx, s.manager, s.book.path(""), &s.book)
	return s.book.Status, errors.Join(err, require("the book", s.book.Status, "closed"))
}

func stats(ctx context.Context, s *stage) (string, error) {
	var n struct{ Total, Free, Assigned, Locked, Redeemed, Expired, Void, Redemptions, Rollbacks int64 }
	if err := get(ctx, s.manager, s.book.path("/stats"), &n); err != nil {
		return "", err
	}
	answer := fmt.Sprintf("%d made = %d free + %d assigned + %d locked + %d redeemed + %d expired + %d void; %d uses, %d rolled back",
		n.Total, n.Free, n.Assigned, n.Locked, n.Redeemed, n.Expired, n.Void, n.Redemptions, n.Rollbacks)
	return answer, errors.Join(
		require("the sum", n.Free+n.Assigned+n.Locked+n.Redeemed+n.Expired+n.Void, n.Total),
		require("the uses", n.Redemptions, 1), require("the rollbacks", n.Rollbacks, 1), require("void", n.Void, 1))
}
