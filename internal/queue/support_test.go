package queue_test

import (
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"couponbook/internal/queue"
	"couponbook/internal/redisdb"
	"couponbook/internal/testredis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a queue on a Redis of its own, and what an operator sees of it.
type house struct {
	server    *testredis.Server
	redis     redis.UniversalClient
	queue     *queue.Client
	inspector *asynq.Inspector
}

func newHouse(t *testing.T) *house {
	t.Helper()
	server := testredis.New(t)
	client := server.Client(t, redisdb.ForQueues)
	return &house{server, client, queue.NewClient(client), asynq.NewInspectorFromRedisClient(client)}
}

func (h *house) pending(t *testing.T, queue string) []*asynq.TaskInfo {
	t.Helper()
	tasks, err := h.inspector.ListPendingTasks(queue)
	require.NoError(t, err)
	return tasks
}
