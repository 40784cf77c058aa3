package service

import (
	"context"

	"couponbook/internal/coupon"
	"couponbook/internal/groupcommit"
)

// resolveUsers finds whom the open claims are for: one query for the whole
// group, and one transaction more for users that are to be made.
func (c *Claims) resolveUsers(ctx context.Context, items []claimItem, results []groupcommit.Result[submitted]) error {
	var refs, missing []coupon.UserRef
	for i, item := range items {
		if results[i].Err != nil || isSelf(item) { // needs no look-up
			continue
		}
		refs = append(refs, item.ref)
		if item.createMissing {
			missing = append(missing, item.ref)
		}
	}
	known, err := findOrMakeUsers(ctx, c.store, refs, missing)
	if err != nil {
		return err
	}
	for i := range items {
		if results[i].Err != nil {
			continue
		}
		id, found := known.find(items[i].ref)
		if !found && !isSelf(items[i]) {
			results[i].Err = coupon.ErrUserNotFound
		}
		items[i].job.UserID = id
	}
	return nil
}

// isSelf: the caller's own account was checked when he came in.
func isSelf(item claimItem) bool { return item.ref.ID != nil && *item.ref.ID == item.who.UserID }
