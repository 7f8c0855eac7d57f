// Command program cannot be imported.
package main

func main() {}
