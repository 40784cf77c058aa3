package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
)

// A file may take longer than the server gives an answer, page by page.
func TestALongFile(t *testing.T) {
	t.Parallel()
	const pages, pause = 4, 300 * time.Millisecond
	engine := gin.New()
	engine.GET("/file", func(c *gin.Context) {
		answer, err := csvFile(c, "x", []string{"n"}, func(after int) ([]int, error) {
			if after == pages {
				return nil, nil
			}
			<-time.After(pause)
			return []int{after + 1}, nil
		}, func(n int) (int, []string) { return n, []string{strings.Repeat("x", 64<<10)} })
		if err == nil {
			answer.Body(humagin.NewContext(nil, c))
		}
	})
	server := httptest.NewUnstartedServer(engine)
	server.Config.WriteTimeout = 2 * pause
	server.Start()
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/file", nil)
	require.NoError(t, err)
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, 1+pages, strings.Count(string(body), "\n"))
}
