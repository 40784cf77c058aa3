package service

import (
	"context"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

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

// findUsers finds whom references name: one query for all of them.
func findUsers(ctx context.Context, store *postgres.Store, refs []coupon.UserRef) (userIndex, error) {
	index := userIndex{map[uuid.UUID]bool{}, map[string]uuid.UUID{}, map[string]uuid.UUID{}}
	if len(refs) == 0 {
		return index, nil
	}
	var ids []uuid.UUID
	var emails, externalIDs []string
	for _, ref := range refs {
		switch {
		case ref.ID != nil:
			ids = append(ids, *ref.ID)
		case ref.Email != "":
			emails = append(emails, ref.Email)
		default:
			externalIDs = append(externalIDs, ref.ExternalID)
		}
	}
	users, err := store.KnownUsers(ctx, ids, emails, externalIDs)
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

// makeUsers makes users for those of the references that name nobody, once for
// each, and reports whether there were any: then find them. An id makes nobody.
func makeUsers(ctx context.Context, store *postgres.Store, refs []coupon.UserRef, known userIndex) (bool, error) {
	seen := map[coupon.UserRef]bool{}
	var ids []uuid.UUID
	var emails, externalIDs []*string
	for _, ref := range refs {
		if _, found := known.find(ref); found || ref.ID != nil || seen[ref] {
			continue
		}
		seen[ref] = true
		ids = append(ids, uuid.Must(uuid.NewV7()))
		emails, externalIDs = append(emails, textOrNull(ref.Email)), append(externalIDs, textOrNull(ref.ExternalID))
	}
	if len(ids) == 0 {
		return false, nil
	}
	return true, store.AddMissingUsers(ctx, ids, emails, externalIDs)
}

// findOrMakeUsers finds whom references name, and makes those of missing that name
// nobody, in a transaction of their own: who is made stays.
func findOrMakeUsers(ctx context.Context, store *postgres.Store, refs, missing []coupon.UserRef) (userIndex, error) {
	known, err := findUsers(ctx, store, refs)
	if err != nil {
		return known, err
	}
	if made, err := makeUsers(ctx, store, missing, known); err != nil || !made {
		return known, err
	}
	return findUsers(ctx, store, refs)
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
