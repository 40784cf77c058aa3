package devservices

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Process is one of the product's own programs that can be started again.
type Process struct {
	Name  string
	Path  string   // of the program
	Log   string   // where it writes
	Env   []string // besides the present one
	URL   string   // of an API
	Probe string   // answers 200 when it can be used

	mu      sync.Mutex
	program *Program
}

// Start starts the program; one that ran before has to have ended.
func (p *Process) Start() error {
	program, err := StartProgram(p.Path, p.Env, p.Log)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.program = program
	return nil
}

// Now is the program as it was started last, or nil.
func (p *Process) Now() *Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.program
}

// Ready waits until the process answers, and says where to look if it does not.
func (p *Process) Ready(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Probe, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not get ready: see %s", p.Name, p.Log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
