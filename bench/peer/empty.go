package main

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"couponbook/internal/auth"
)

// emptyRoute is what claims cost before anything is done: Gin, and a token that
// is checked.
func emptyRoute(tokens *auth.Tokens) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/readyz", func(c *gin.Context) { c.Status(http.StatusOK) })
	engine.POST("/api/v1/books/:id/claims", func(c *gin.Context) {
		token, _ := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
		if _, _, err := tokens.Parse(token); err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		c.Status(http.StatusNoContent)
	})
	return engine
}
