package devservices

import (
	"errors"
	"sync"
)

// server is a running child together with the lock on its directory.
type server struct {
	child  *child
	lock   *lock
	ladder []rung
	once   sync.Once
	err    error
}

// stop ends the child, and only then lets others have the directory.
func (s *server) stop() error {
	s.once.Do(func() {
		s.err = errors.Join(s.child.stop(s.ladder...), s.lock.release())
	})
	return s.err
}
