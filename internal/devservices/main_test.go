package devservices

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// helperArg turns the test binary into a program that starts both servers in
// the directory after it, and then waits to be killed.
const helperArg = "serve-until-killed"

type helperReport struct {
	Postgres, Redis       string // URLs
	PostgresPid, RedisPid int
}

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == helperArg {
		if err := serveUntilKilled(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func serveUntilKilled(dir string) error {
	ctx := context.Background()
	postgres, err := StartPostgres(ctx, PostgresOptions{Dir: dir})
	if err != nil {
		return err
	}
	redis, err := StartRedis(ctx, RedisOptions{Dir: dir})
	if err != nil {
		return err
	}
	report := helperReport{postgres.URL, redis.URL, postgres.Pid(), redis.Pid()}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return err
	}
	<-postgres.Exited() // which is not to happen before the killing
	return nil
}
