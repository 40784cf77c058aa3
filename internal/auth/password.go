package auth

import (
	"context"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/sync/semaphore"
)

// hashing follows OWASP's first recommendation for argon2id: 19 MiB, 2 passes.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Passwords hashes and compares passwords. Few at a time: each takes 19 MiB,
// and a burst of sign-ins must not take the machine's memory.
type Passwords struct {
	slots *semaphore.Weighted
	dummy string
}

// NewPasswords prepares the hash that unknown accounts are compared with.
func NewPasswords() (*Passwords, error) {
	dummy, err := argon2id.CreateHash("no account has this password", hashing)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	return &Passwords{semaphore.NewWeighted(int64(runtime.NumCPU())), dummy}, nil
}

// Hash returns what to store for a password.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer p.slots.Release(1)
	return argon2id.CreateHash(password, hashing)
}

// Matches compares a password with a stored hash. Without a hash it takes as
// long and reports false, so that time does not tell who has an account.
func (p *Passwords) Matches(ctx context.Context, password string, hash *string) (bool, error) {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer p.slots.Release(1)
	if hash == nil {
		_, err := argon2id.ComparePasswordAndHash(password, p.dummy)
		return false, err
	}
	return argon2id.ComparePasswordAndHash(password, *hash)
}
