// Package web carries the built web app inside the API binary, so that one file is the whole
// service. It only holds the files: which path serves which file, and with which headers, is for
// the HTTP door to decide.
//
// The app is built by `npm run build` in this folder. A clean clone compiles without it; Built
// tells the difference.
package web

import (
	"embed"
	"fmt"
	"io/fs"
)

// The folder holds a .gitkeep that Vite copies back on every build: an embed pattern that matches
// nothing would not compile. "all:" because .gitkeep starts with a dot.
//
//go:embed all:dist
var dist embed.FS

// Files returns what the build produced: index.html, docs.html (the API reference), and assets/,
// whose file names carry a hash of their content and can be cached for ever.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(fmt.Sprintf("web: %v", err)) // "dist" is a valid path, the only thing that fs.Sub checks
	}
	return files
}

// Built reports whether the app was built before this binary was compiled.
func Built() bool {
	_, err := fs.Stat(Files(), "index.html")
	return err == nil
}
