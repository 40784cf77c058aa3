package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"
)

// monitoringPath is where asynqmon lives.
const monitoringPath = "/monitoring"

// connection hands asynqmon a client that we opened.
type connection struct{ client redis.UniversalClient }

// MakeRedisClient is asynq's way to ask for it.
func (c connection) MakeRedisClient() any { return c.client }

// NewMonitor makes asynqmon, which shows queues and changes nothing. It has no
// access control of its own.
func NewMonitor(client redis.UniversalClient) http.Handler {
	return asynqmon.New(asynqmon.Options{
		RootPath: monitoringPath, RedisConnOpt: connection{client}, ReadOnly: true,
	})
}

// mountMonitor lets admins in, by their session cookie.
func (a *API) mountMonitor(engine *gin.Engine) {
	group := engine.Group(monitoringPath, a.require(admins), monitoringHeaders)
	group.Any("/*path", gin.WrapH(a.Monitor))
}

// monitoringHeaders allow asynqmon's page its inline script and styles; its
// fonts from elsewhere stay out, it reads well without.
func monitoringHeaders(c *gin.Context) {
	c.Header("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "+
		"font-src 'self' data:; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
}
