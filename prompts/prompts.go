// Package prompts holds the briefings that are built into the binary, one
// Markdown file each. README.md beside this file explains the format to whoever
// writes one; package content reads it. Nothing is parsed here.
package prompts

import "embed"

// FS holds every briefing of this folder. The pattern leaves out README.md and
// _template.md, which are no briefings; names of briefings are lower-case.
//
//go:embed [a-z0-9]*.md
var FS embed.FS
