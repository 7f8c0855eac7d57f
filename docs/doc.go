// Package docs is the documentation; its tests hold that links lead somewhere and that the code of pages runs. See README.md.
package docs
