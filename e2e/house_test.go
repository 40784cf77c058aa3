// Package e2e drives the real programs over HTTP, on a real Postgres and a
// real Redis, and kills some of them.
package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/devservices"
	"couponbook/internal/fixture"
	"couponbook/internal/flashsale"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
	"couponbook/internal/testredis"
)

var bin string // where the programs are

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if bin, err = os.MkdirTemp("", "couponbook-bin-"); err == nil {
			defer func() { _ = os.RemoveAll(bin) }()
			err = exec.Command("go", "build", "-o", bin, "couponbook/cmd/api", "couponbook/cmd/worker").Run()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "build the programs:", err)
			return 1
		}
		return m.Run()
	}())
}

const (
	adminEmail    = "admin@example.com"
	adminPassword = "a long enough password"
	secret        = "0123456789abcdef0123456789abcdef"
)

// unlimited are limits that take everybody on this machine for one.
var unlimited = []string{
	"LIMIT_ANONYMOUS=off", "LIMIT_REGISTRATIONS=off", "LIMIT_SIGN_INS=off", "LIMIT_SIGN_INS_FROM=off", "LIMIT_SIGN_INS_TO=off",
}

// house is a whole installation.
type house struct {
	address string // of the database
	pool    *pgxpool.Pool
	redis   *testredis.Server
	apis    []*process
	workers []*process
	env     []string // of the programs, beyond what all need
}

// process is one running program.
type process struct {
	name, url, log string
	probe          string // answers 200 when it is ready
	private        string // where it serves what is for operators
	cmd            *exec.Cmd
	ended          chan struct{}
	err            error // how it ended
}

func newHouse(t *testing.T, apis, workers int, env ...string) *house {
	t.Helper()
	h := &house{address: testdb.NewURL(t), redis: testredis.New(t), env: env}
	h.pool = testdb.Open(t, h.address)
	h.furnish(t, apis, workers)
	return h
}

// furnish makes the administrator and starts the programs.
func (h *house) furnish(t *testing.T, apis, workers int) {
	t.Helper()
	passwords, err := auth.NewPasswords()
	require.NoError(t, err)
	_, err = service.NewAccountsOffline(postgres.NewStore(h.pool), passwords).Register(t.Context(),
		service.Account{Email: adminEmail, Password: adminPassword, Role: coupon.Admin})
	require.NoError(t, err)
	for range apis {
		h.apis = append(h.apis, h.startAPI(t))
	}
	h.addWorkers(t, workers)
}

func (h *house) addWorkers(t *testing.T, n int) {
	t.Helper()
	h.launchWorkers(t, n)
	for _, worker := range h.workers {
		worker.ready(t)
	}
}

// launchWorkers does not wait: what happens in their first moments is the test.
func (h *house) launchWorkers(t *testing.T, n int) {
	t.Helper()
	for range n {
		h.workers = append(h.workers, h.launch(t, "worker"))
	}
}

// startAPI waits until the process is ready.
func (h *house) startAPI(t *testing.T) *process {
	t.Helper()
	p := h.launch(t, "api")
	p.ready(t)
	return p
}

// launch runs a program. Postgres knows it by its name.
func (h *house) launch(t *testing.T, kind string) *process {
	t.Helper()
	p := &process{name: fmt.Sprintf("%s-%d", kind, time.Now().UnixNano()), ended: make(chan struct{})}
	p.log = filepath.Join(t.TempDir(), "log")
	log, err := os.Create(p.log)
	require.NoError(t, err)
	port, err := devservices.FreePort(t.Context(), 0)
	require.NoError(t, err)
	metrics, err := devservices.FreePort(t.Context(), 0)
	require.NoError(t, err)
	p.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	p.private = fmt.Sprintf("http://127.0.0.1:%d", metrics)
	p.probe = p.url + "/readyz"
	if kind == "worker" {
		p.probe = p.private + "/readyz"
	}
	separator := "?"
	if strings.Contains(h.address, "?") {
		separator = "&"
	}
	p.cmd = exec.Command(filepath.Join(bin, kind))
	p.cmd.Env = append(os.Environ(), "DATABASE_URL="+h.address+separator+"application_name="+p.name, "REDIS_URL="+h.redis.URL,
		"AUTH_SECRET="+secret, "WEBHOOK_ALLOW_HTTP=true", "WEBHOOK_ALLOW_RANGES=127.0.0.0/8",
		fmt.Sprintf("LISTEN=127.0.0.1:%d", port), fmt.Sprintf("METRICS_LISTEN=127.0.0.1:%d", metrics))
	p.cmd.Env = append(append(p.cmd.Env, unlimited...), h.env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	require.NoError(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		_ = log.Close()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Logf("%s:\n%s", p.name, tail(string(text)))
		}
	})
	return p
}

func (p *process) ready(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		response, err := http.Get(p.probe)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 20*time.Second, 20*time.Millisecond, "%s does not get ready", p.name)
}

func tail(text string) string {
	const most = 4000
	return text[max(0, len(text)-most):]
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGKILL))
	<-p.ended
}

// stop asks the program to end, as an orchestrator does.
func (p *process) stop(t *testing.T) error {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.ended
	return p.err
}

// admin is signed in at the first API process.
func (h *house) admin(t *testing.T) (admin, guest *client.Client) {
	t.Helper()
	guest = client.New(h.apis[0].url, 1000)
	token, err := guest.SignIn(t.Context(), adminEmail, adminPassword)
	require.NoError(t, err)
	return guest.As(token), guest
}

// plan is a flash sale through every API process.
func (h *house) plan(t *testing.T, users, codes int) flashsale.Plan {
	t.Helper()
	admin, guest := h.admin(t)
	plan := flashsale.Plan{Users: users, Codes: codes, Admin: admin, Guest: guest}
	for _, api := range h.apis[1:] {
		plan.More = append(plan.More, client.New(api.url, 1000))
	}
	return plan
}

// sale holds a flash sale and fails unless everyone gets what he has to.
func (h *house) sale(t *testing.T, users, codes int) flashsale.Result {
	t.Helper()
	result, err := flashsale.Hold(t.Context(), h.plan(t, users, codes))
	require.NoError(t, err)
	require.True(t, result.Exact(), "%+v", result)
	return result
}

// count runs a query that yields one number.
func (h *house) count(t *testing.T, sql string) (n int) {
	t.Helper()
	require.NoError(t, h.pool.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

func (h *house) verify(t *testing.T) {
	t.Helper()
	fixture.Verify(t, h.pool)
}
