package httpapi

import (
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

const index = "index.html"

// web serves the built app: its files, its pages for every other path, and
// problems below the API.
func (a *API) web() gin.HandlerFunc {
	// Browsers load a file once: it may take its time. Its best is smaller than what zstd makes in a hurry.
	compressed, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestCompression), gzhttp.EnableZstd(false))
	if err != nil {
		panic(err) // the level is one that there is
	}
	files := compressed(http.FileServerFS(a.Web))
	showcase := a.showcase()
	return func(c *gin.Context) {
		name := strings.TrimPrefix(path.Clean(c.Request.URL.Path), "/")
		c.Request.URL.Path = "/" + name
		switch {
		case strings.HasPrefix(name, "api/") || c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead:
			writeProblem(c, errNoRoute)
			return
		case name == "docs":
			name = "docs.html"
			c.Request.URL.Path = "/docs.html"
		}
		if info, err := fs.Stat(a.Web, name); err != nil || info.IsDir() || name == index {
			if path.Ext(name) != "" && name != index {
				writeProblem(c, errNoRoute)
				return
			}
			if showcase != nil {
				c.Data(http.StatusOK, "text/html; charset=utf-8", showcase)
				return
			}
			c.Request.URL.Path = "/" // the app's router knows the page
		}
		if strings.HasPrefix(name, "assets/") {
			c.Header("Cache-Control", "public, max-age=31536000, immutable") // their names carry a hash
		}
		c.Status(http.StatusOK) // gin has set 404 for want of a route
		files.ServeHTTP(c.Writer, c.Request)
	}
}

// showcase is the app's page with a mark that has it offer what the rules refuse
// too; nil where that is not asked for.
func (a *API) showcase() []byte {
	if !a.Showcase {
		return nil
	}
	page, err := fs.ReadFile(a.Web, index)
	if err != nil {
		return nil // the app is not built: there is nothing to mark
	}
	return bytes.Replace(page, []byte("<html"), []byte("<html data-showcase"), 1)
}
