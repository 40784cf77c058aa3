package service

import (
	"context"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/groupcommit"
)

// resolveUsers finds whom the open claims are for: one query for the whole
// group, and one transaction more for users that are to be made.
func (c *Claims) resolveUsers(ctx context.Context, items []claimItem, results []groupcommit.Result[submitted]) error {
	var open []*claimItem
	for i := range items {
		if results[i].Err == nil {
			open = append(open, &items[i])
		}
	}
	known, err := c.knownUsers(ctx, open)
	if err != nil {
		return err
	}
	if missing := missingUsers(open, known); len(missing) > 0 {
		if err = c.addUsers(ctx, missing); err != nil {
			return err
		}
		if known, err = c.knownUsers(ctx, open); err != nil {
			return err
		}
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

// userIndex finds users by any kind of reference.
type userIndex struct {
	ids        map[uuid.UUID]bool
	email      map[string]uuid.UUID
	externalID map[string]uuid.UUID
}

func (x userIndex) find(ref coupon.UserRef) (uuid.UUID, bool) {
	if ref.ID != nil {
		return *ref.ID, x.ids[*ref.ID]
	}
	if ref.Email != "" {
		id, found := x.email[ref.Email]
		return id, found
	}
	id, found := x.externalID[ref.ExternalID]
	return id, found
}

func (c *Claims) knownUsers(ctx context.Context, items []*claimItem) (userIndex, error) {
	index := userIndex{map[uuid.UUID]bool{}, map[string]uuid.UUID{}, map[string]uuid.UUID{}}
	var ids []uuid.UUID
	var emails, externalIDs []string
	for _, item := range items {
		switch {
		case isSelf(*item): // needs no look-up
		case item.ref.ID != nil:
			ids = append(ids, *item.ref.ID)
		case item.ref.Email != "":
			emails = append(emails, item.ref.Email)
		default:
			externalIDs = append(externalIDs, item.ref.ExternalID)
		}
	}
	if len(ids)+len(emails)+len(externalIDs) == 0 {
		return index, nil
	}
	users, err := c.store.KnownUsers(ctx, ids, emails, externalIDs)
	for _, user := range users {
		index.ids[user.ID] = true
		if user.Email != nil {
			index.email[*user.Email] = user.ID
		}
		if user.ExternalID != nil {
			index.externalID[*user.ExternalID] = user.ID
		}
	}
	return index, err
}

// missingUsers are the references that name nobody and may make someone.
func missingUsers(items []*claimItem, known userIndex) []coupon.UserRef {
	seen := map[coupon.UserRef]bool{}
	var missing []coupon.UserRef
	for _, item := range items {
		if _, found := known.find(item.ref); found || !item.createMissing || item.ref.ID != nil || seen[item.ref] {
			continue
		}
		seen[item.ref] = true
		missing = append(missing, item.ref)
	}
	return missing
}

func (c *Claims) addUsers(ctx context.Context, refs []coupon.UserRef) error {
	ids := make([]uuid.UUID, len(refs))
	emails, externalIDs := make([]*string, len(refs)), make([]*string, len(refs))
	for i := range refs {
		ids[i] = uuid.Must(uuid.NewV7())
		if refs[i].Email != "" {
			emails[i] = &refs[i].Email
		} else {
			externalIDs[i] = &refs[i].ExternalID
		}
	}
	return c.store.AddMissingUsers(ctx, ids, emails, externalIDs)
}
