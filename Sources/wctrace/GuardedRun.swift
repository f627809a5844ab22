import Foundation
import Trace

/// The tool run once more in a process of its own, so that a file that breaks the HDF5 library does
/// not break the tool.
///
/// A checksum proves that nothing happened by accident, not that nobody meant harm: library versions in
/// wide use crash on metadata made for it.
enum GuardedRun {
  /// No sound file needs that much address space: blocks are read one by one.
  private static let byteLimit: UInt = 8 << 30

  /// Takes limits upon this process: of memory, and of processor time for a file of `byteCount` bytes.
  static func limitThisProcess(byteCount: Int) {
    // Reading runs at hundreds of megabytes per second; 20 leave room for slow machines and sanitizers.
    let seconds = UInt(60 + byteCount / 20_000_000)
    for (resource, most) in [(RLIMIT_AS, byteLimit), (RLIMIT_CPU, seconds), (RLIMIT_CORE, 0)] {
      #if canImport(Glibc)
        let which = __rlimit_resource_t(resource.rawValue)
      #else
        let which = resource
      #endif
      var limit = rlimit()
      guard unsafe getrlimit(which, &limit) == 0 else { continue }
      limit.rlim_cur = min(rlim_t(most), limit.rlim_max)
      _ = unsafe setrlimit(which, &limit)
    }
  }

  /// Runs this tool with other arguments and the same standard error; returns its exit code and output.
  ///
  /// Throws `corrupt` when the process died of `path`.
  static func run(_ arguments: [String], over path: String) throws -> (status: Int32, output: String) {
    let process = Process()
    let pipe = Pipe()
    process.standardOutput = pipe
    process.executableURL = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
    process.arguments = arguments
    // The death of the process is a result here, not a bug to be printed.
    process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationReason == .uncaughtSignal else {
      return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
    let signal = process.terminationStatus
    let what = signal == SIGXCPU ? "does not come to an end over it" : "breaks off over it (signal \(signal))"
    throw TraceError(
      .corrupt, path: path, "the HDF5 library \(what): the file's structure is damaged, or made to do harm")
  }
}
