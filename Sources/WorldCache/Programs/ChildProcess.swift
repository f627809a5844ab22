import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A program that is spoken to in lines; it and what it has started end with this value.
///
/// Its standard error goes on to this process's as it comes; the newest of it is kept for errors. No call
/// here waits longer than its deadline.
struct ChildProcess: ~Copyable, Sendable {
  enum Failure: Error, Equatable {
    case notStarted(String)
    /// It has ended, or closed its output; how, in words.
    case ended(String)
    case late
    case tooLong(String)
    case notText
    /// It has written a line before it was asked.
    case unasked(String)
  }

  /// Bytes of a line at most.
  static let longestLine = 1 << 20

  private let identifier: pid_t
  // Ends of sockets: writing to a program that has ended is then an error and no signal.
  private let input: Int32
  private let output: Int32
  private let errors: Int32
  private var buffer: [UInt8] = []
  private var errorTail: [UInt8] = []
  /// Whether it has been waited for.
  private var isReaped = false
  private var hasFailed = false

  /// Starts the program that the first word names, in a process group of its own.
  init(_ words: [String]) throws(Failure) {
    let pairs = (0..<3).map { _ in ChildProcess.pair() }
    let (ours, theirs) = (pairs.compactMap { $0?.ours }, pairs.compactMap { $0?.theirs })
    defer { for descriptor in theirs { close(descriptor) } }
    do throws(Failure) {
      guard ours.count == 3 else { throw .notStarted("there are too many open files") }
      identifier = try ChildProcess.spawn(words, theirs)
    } catch {
      for descriptor in ours { close(descriptor) }
      throw error
    }
    (input, output, errors) = (ours[0], ours[1], ours[2])
    for descriptor in ours { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
  }

  // Two connected sockets that no other program inherits.
  private static func pair() -> (ours: Int32, theirs: Int32)? {
    var ends: [Int32] = [-1, -1]
    #if os(Linux)
      let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    #else
      let kind = SOCK_STREAM
    #endif
    guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func spawn(_ words: [String], _ streams: [Int32]) throws(Failure) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    defer {
      unsafe posix_spawn_file_actions_destroy(&actions)
      unsafe posix_spawnattr_destroy(&attributes)
    }
    for (target, descriptor) in streams.enumerated() {
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
    }
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
    var identifier: pid_t = 0
    let code = unsafe posix_spawnp(&identifier, words[0], &actions, &attributes, &arguments, &variables)
    guard code == 0 else { throw .notStarted(unsafe String(cString: strerror(code))) }
    return identifier
  }

  deinit {
    close(input)
    // At the end of its input a sound program ends by itself; that is what closes its output.
    if !isReaped, !hasFailed { waitForEnd(until: .now + .milliseconds(500)) }
    if !isReaped {
      kill(-identifier, SIGKILL)
      kill(identifier, SIGKILL)
      var status: Int32 = 0
      while unsafe waitpid(identifier, &status, 0) == -1, errno == EINTR {}
    }
    close(output)
    close(errors)
  }

  // Reads away what comes until the output is closed.
  private borrowing func waitForEnd(until deadline: ContinuousClock.Instant) {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while ContinuousClock.now < deadline {
      _ = ChildProcess.wait([output, errors], deadline)
      let count = unsafe read(output, &chunk, chunk.count)
      let errorCount = unsafe read(errors, &chunk, chunk.count)
      if errorCount > 0 { ChildProcess.pass(chunk[..<errorCount]) }
      if count == 0 { return }
    }
  }

  /// Writes one line.
  mutating func send(_ line: String, until deadline: ContinuousClock.Instant) throws(Failure) {
    try readWhatIsThere()
    if !buffer.isEmpty { throw fail(.unasked(ChildProcess.shown(buffer))) }
    let bytes = Array((line + "\n").utf8)
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes[sent...].withUnsafeBytes { rest in
        #if os(Linux)
          unsafe Glibc.send(input, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        #else
          unsafe Darwin.send(input, rest.baseAddress, rest.count, 0)
        #endif
      }
      if count > 0 {
        sent += count
      } else if errno == EPIPE || errno == ECONNRESET {
        // Its last words may tell more than the broken connection.
        return
      } else if errno != EINTR {
        guard ChildProcess.wait([input], deadline, for: POLLOUT) else { throw fail(.late) }
      }
    }
  }

  /// The next line, without its end.
  mutating func receive(until deadline: ContinuousClock.Instant) throws(Failure) -> String {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(buffer[..<end])
        buffer.removeSubrange(...end)
        guard let text = String(validating: line, as: UTF8.self) else { throw fail(.notText) }
        return text
      }
      guard buffer.count <= ChildProcess.longestLine else {
        throw fail(.tooLong(ChildProcess.shown(buffer)))
      }
      guard ChildProcess.wait([output, errors], deadline) else { throw fail(.late) }
      try readWhatIsThere()
    }
  }

  private mutating func readWhatIsThere() throws(Failure) {
    passErrors()
    var chunk = [UInt8](repeating: 0, count: 65536)
    while buffer.count <= ChildProcess.longestLine {
      let count = unsafe read(output, &chunk, chunk.count)
      if count > 0 {
        buffer += chunk[..<count]
      } else if count == 0 {
        // A last line may still stand in the buffer.
        if buffer.contains(UInt8(ascii: "\n")) { return }
        throw fail(.ended(end()))
      } else if errno != EINTR {
        return
      }
    }
  }

  private mutating func passErrors() {
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe read(errors, &chunk, chunk.count)
      guard count > 0 else { return }
      ChildProcess.pass(chunk[..<count])
      errorTail = Array((errorTail + chunk[..<count]).suffix(4096))
    }
  }

  /// The last line that it wrote to its standard error; empty when there is none.
  var lastWords: String {
    let lines = String(decoding: errorTail, as: UTF8.self).split(separator: "\n")
    return lines.last.map(String.init) ?? ""
  }

  private mutating func fail(_ failure: Failure) -> Failure {
    hasFailed = true
    passErrors()
    return failure
  }

  // How it ended, once its output is closed; a program that goes on without one gets little time.
  private mutating func end() -> String {
    let deadline = ContinuousClock.now + .milliseconds(200)
    repeat {
      var status: Int32 = 0
      if unsafe waitpid(identifier, &status, WNOHANG) == identifier {
        isReaped = true
        kill(-identifier, SIGKILL)
        return status & 0x7F == 0
          ? "ended with exit code \(status >> 8 & 0xFF)" : "was ended by signal \(status & 0x7F)"
      }
      _ = ChildProcess.wait([], min(deadline, .now + .milliseconds(2)))
    } while ContinuousClock.now < deadline
    return "closed its output"
  }

  /// Waits until one of them can be read, or written to; false when the deadline has come.
  private static func wait(
    _ descriptors: [Int32], _ deadline: ContinuousClock.Instant, for events: Int32 = POLLIN
  ) -> Bool {
    var polled = descriptors.map { pollfd(fd: $0, events: Int16(events), revents: 0) }
    while true {
      let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
      guard left > 0 else { return false }
      let count = unsafe poll(&polled, nfds_t(polled.count), Int32(min(left.rounded(.up), 1e6)))
      if count > 0 { return true }
      if count < 0, errno != EINTR { return false }
    }
  }

  // What the program says on standard error, as if it had inherited ours.
  private static func pass(_ bytes: ArraySlice<UInt8>) {
    try? FileHandle.standardError.write(contentsOf: Data(bytes))
  }

  private static func shown(_ bytes: [UInt8]) -> String {
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
    return String(decoding: line.prefix(80), as: UTF8.self) + (line.count > 80 ? "…" : "")
  }
}
