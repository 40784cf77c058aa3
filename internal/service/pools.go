package service

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// CreatePool makes a pool that belongs to the caller.
func (s *Service) CreatePool(ctx context.Context, p auth.Principal, settings coupon.PoolSettings) (coupon.Pool, error) {
	pool, err := coupon.Pool{ID: uuid.Must(uuid.NewV7()), OwnerID: p.UserID}.With(settings)
	if err != nil {
		return pool, err
	}
	var made coupon.Pool
	return made, s.store.InTx(ctx, func(tx *postgres.Store) error {
		if made, err = tx.AddPool(ctx, pool); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.PoolCreate, pool.ID, nil, settings)
	})
}

// Pool returns a pool that the caller manages.
func (s *Service) Pool(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Pool, error) {
	return s.ownPool(ctx, p, id)
}

// Pools lists the pools that the caller manages, newest first; an admin sees all.
func (s *Service) Pools(ctx context.Context, p auth.Principal, before *uuid.UUID, limit int) ([]coupon.Pool, error) {
	owner := &p.UserID
	if p.Role == coupon.Admin {
		owner = nil
	}
	return s.store.Pools(ctx, owner, before, limit)
}

// EditPool changes a pool by edit, which gets the settings as they are. With a
// version it does so only while the pool has that one.
func (s *Service) EditPool(ctx context.Context, p auth.Principal, id uuid.UUID, version *int, edit func(*coupon.PoolSettings)) (changed coupon.Pool, err error) {
	err = s.store.InTx(ctx, func(tx *postgres.Store) error {
		pool, err := holdPool(ctx, tx, p, id)
		if err != nil {
			return err
		}
		if version != nil && *version != pool.Version {
			return coupon.ErrPoolChanged
		}
		was := coupon.PoolSettings{Name: pool.Name, Description: pool.Description}
		settings := was
		edit(&settings)
		if pool, err = pool.With(settings); err == nil {
			changed, err = tx.SavePool(ctx, pool)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.PoolEdit, id, was, settings)
	})
	return changed, err
}

// DeletePool takes a pool out of sight. What was given to its members stays theirs.
func (s *Service) DeletePool(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	return s.store.InTx(ctx, func(tx *postgres.Store) error {
		pool, err := holdPool(ctx, tx, p, id)
		if err == nil {
			err = tx.DeletePool(ctx, id)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.PoolDelete, id, coupon.PoolSettings{Name: pool.Name, Description: pool.Description}, nil)
	})
}

// Members lists the members of a pool, in the order in which they became users.
func (s *Service) Members(ctx context.Context, p auth.Principal, id uuid.UUID, f coupon.MemberFilter, limit int) ([]coupon.Member, error) {
	if _, err := s.ownPool(ctx, p, id); err != nil {
		return nil, err
	}
	return s.store.Members(ctx, id, f, limit)
}

// MembersChanged tells what came of adding or removing members.
type MembersChanged struct {
	Changed int   // were added, or removed
	Same    int   // were members before, or were none; a second naming of one counts here
	Unknown []int // the places of those that name nobody we know, from 0
}

// AddMembers adds users to a pool. With createMissing those that an e-mail or
// an external id names, and that we do not know, are made.
func (s *Service) AddMembers(ctx context.Context, p auth.Principal, id uuid.UUID, refs []coupon.UserRef, createMissing bool) (MembersChanged, error) {
	if createMissing { // in a transaction of its own: who is made stays
		known, err := s.ownPoolAndUsers(ctx, p, id, refs)
		if err == nil {
			_, err = makeUsers(ctx, s.store, refs, known)
		}
		if err != nil {
			return MembersChanged{}, err
		}
	}
	return s.changeMembers(ctx, p, id, refs, coupon.MembersAdd, (*postgres.Store).AddMembers)
}

// RemoveMembers takes users out of a pool. What they were given stays theirs.
func (s *Service) RemoveMembers(ctx context.Context, p auth.Principal, id uuid.UUID, refs []coupon.UserRef) (MembersChanged, error) {
	return s.changeMembers(ctx, p, id, refs, coupon.MembersRemove, (*postgres.Store).RemoveMembers)
}

// auditMembers is what the audit log tells of members who came or went.
type auditMembers struct{ UserIDs []uuid.UUID }

func (s *Service) changeMembers(ctx context.Context, p auth.Principal, id uuid.UUID, refs []coupon.UserRef, action coupon.Action,
	change func(*postgres.Store, context.Context, uuid.UUID, []uuid.UUID) (int, error),
) (done MembersChanged, err error) {
	if len(refs) == 0 || len(refs) > coupon.MaxMembersAdded {
		return done, coupon.InvalidInput(coupon.Field{
			Pointer: "/members", Detail: fmt.Sprintf("must have 1 to %d members; a file can have more: import it", coupon.MaxMembersAdded),
		})
	}
	known, err := s.ownPoolAndUsers(ctx, p, id, refs)
	if err != nil {
		return done, err
	}
	var users []uuid.UUID
	for i, ref := range refs {
		if user, found := known.find(ref); found {
			users = append(users, user)
		} else {
			done.Unknown = append(done.Unknown, i)
		}
	}
	err = s.store.InTx(ctx, func(tx *postgres.Store) error {
		if err := audit(ctx, tx, p, action, id, nil, auditMembers{users}); err != nil {
			return err
		}
		done.Changed, err = change(tx, ctx, id, users)
		return err
	})
	done.Same = len(users) - done.Changed
	return done, err
}

func (s *Service) ownPoolAndUsers(ctx context.Context, p auth.Principal, id uuid.UUID, refs []coupon.UserRef) (userIndex, error) {
	if _, err := s.ownPool(ctx, p, id); err != nil {
		return userIndex{}, err
	}
	return findUsers(ctx, s.store, refs)
}

// ownPool returns a pool that the caller manages, or ErrPoolNotFound.
func (s *Service) ownPool(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Pool, error) {
	return owned(p)(s.store.Pool(ctx, id))
}

func holdPool(ctx context.Context, tx *postgres.Store, p auth.Principal, id uuid.UUID) (coupon.Pool, error) {
	return owned(p)(tx.PoolForUpdate(ctx, id))
}

// owned hides pools that the caller does not manage.
func owned(p auth.Principal) func(coupon.Pool, error) (coupon.Pool, error) {
	return func(pool coupon.Pool, err error) (coupon.Pool, error) {
		if err == nil && !p.Owns(pool.OwnerID) {
			return coupon.Pool{}, coupon.ErrPoolNotFound
		}
		return pool, err
	}
}
