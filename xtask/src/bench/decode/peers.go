// Counts the OOM kills in a kernel log as others do: each line goes through their regular
// expressions, with the expression engine that they use.
//
// To their advantage, whatever else they do is left out: reading /dev/kmsg record by record, taking
// the record's head off, copying lines into strings, and, of node-problem-detector, twelve other
// rules and the joining of the last ten lines.
//
// The expressions are those of google/cadvisor, utils/oomparser/oomparser.go, and of
// kubernetes/node-problem-detector, config/kernel-monitor.json; both are under the Apache License 2.0.
package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
)

var (
	first     = regexp.MustCompile(`invoked oom-killer:`)
	container = regexp.MustCompile(`oom-kill:constraint=(.*),nodemask=(.*),cpuset=(.*),mems_allowed=(.*),oom_memcg=(.*) (.*),task_memcg=(.*),task=(.*),pid=(.*),uid=(.*)`)
	// Tried where the one above does not match: kernels before 5.0.
	legacy = regexp.MustCompile(`Task in (.*) killed as a result of limit of (.*)`)
	last   = regexp.MustCompile(`Killed process ([0-9]+) \((.+)\)`)

	killing = regexp.MustCompile(`Killed process \d+ (.+) total-vm:\d+kB, anon-rss:\d+kB, file-rss:\d+kB.*\z`)
)

// Instances of OOM as cAdvisor counts them: from the first line to the line that names the task.
func cadvisor(lines *bufio.Scanner) (count int) {
	inside := false
	for lines.Scan() {
		line := lines.Bytes()
		if !inside {
			inside = first.Match(line)
			continue
		}
		found := container.FindSubmatch(line)
		if found == nil {
			legacy.FindSubmatch(line)
			found = last.FindSubmatch(line)
		}
		if found != nil {
			inside = false
			count++
		}
	}
	return count
}

// Lines that make a problem of node-problem-detector.
func npd(lines *bufio.Scanner) (count int) {
	for lines.Scan() {
		if killing.FindIndex(lines.Bytes()) != nil {
			count++
		}
	}
	return count
}

func main() {
	file, err := os.Open(os.Args[2])
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(bufio.NewReaderSize(file, 256*1024))
	lines.Buffer(make([]byte, 64*1024), 1024*1024)
	count := 0
	if os.Args[1] == "cadvisor" {
		count = cadvisor(lines)
	} else {
		count = npd(lines)
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	fmt.Println(count)
}
