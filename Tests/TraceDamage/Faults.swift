import ArgumentParser
import Foundation
import TestSupport
import Trace

/// The recorder killed before and within every call to the system that changes a file, or refused by it.
///
/// The calls include those while finishing: the writes of what HDF5 needs and of the superblock, the syncs, the
/// renaming.
struct Faults: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Kill the recorder before, within and after every write, and let every write fail.")

  @Option(help: "Only every so many of the system's calls.")
  var every = 1

  private enum Mode: String, CaseIterable {
    case kill, torn1, tornhalf, tornlast, eio, enospc

    var isKill: Bool { ![.eio, .enospc].contains(self) }
  }

  /// What each number of recorded calls reads as, and the whole.
  private struct Reference {
    var prefixes: [String]
    var whole: String
  }

  func run() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/wctrace-faults-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let shim = folder + "/shim.so"
    try build(shim)
    var failures: [String] = []
    for isLarge in [false, true] { failures += try findings(in: folder, shim, isLarge: isLarge) }
    print("\(failures.count) failures")
    for failure in failures.prefix(40) { print(failure) }
    if !failures.isEmpty { throw ExitCode.failure }
  }

  // What goes wrong with the sample, or with tensors of several blocks, whose calls take several writes.
  private func findings(in folder: String, _ shim: String, isLarge: Bool) throws -> [String] {
    let reference = try reference(in: folder, isLarge: isLarge)
    var failures: [String] = []
    for durability in Durability.allCases {
      let recording = ["\(durability)"] + (isLarge ? ["--large"] : [])
      let log = try log(folder, shim, recording)
      failures += orderProblems(log, durability, commitCount: reference.prefixes.count + 2)
      var runs = 0
      for mode in Mode.allCases {
        for at in stride(from: 1, through: log.count, by: every) {
          let environment = ["FAULT_AT": "\(at)", "FAULT_MODE": mode.rawValue]
          let place = "\(recording.joined(separator: " ")), \(mode.rawValue) at call \(at) (\(log[at - 1]))"
          let target = folder + "/run"
          let run = try record(target, shim, recording, environment)
          runs += 1
          if let problem = try problem(target, run, mode, log[at - 1], reference) {
            failures.append("\(place): \(problem)")
          }
        }
      }
      let calls = Dictionary(grouping: log) { String($0.prefix { $0 != " " }) }.mapValues(\.count)
      let list = calls.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
      print("durability \(recording.joined(separator: " ")): \(log.count) calls (\(list)), \(runs) faults")
    }
    return failures
  }

  private func build(_ shim: String) throws {
    let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Faults/fault_shim.c").path
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["clang", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ValidationError("clang, which comes with Swift, must be able to build \(source)")
    }
  }

  private struct Run {
    /// Calls and final latents that were said to be recorded.
    var acknowledged: Int
    var isFinished: Bool
    var status: Int32
    var isKilled: Bool
    var errors: String
  }

  private func record(
    _ folder: String, _ shim: String, _ recording: [String], _ environment: [String: String]
  ) throws -> Run {
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let process = Process()
    let (output, errors) = (Pipe(), Pipe())
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["recording", folder + "/x.h5"] + recording
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      .merging(["LD_PRELOAD": shim, "FAULT_FOLDER": folder, "SWIFT_BACKTRACE": "enable=no"]) { $1 }
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let lines = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      .split(separator: "\n")
    let said = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    return Run(
      // The first line says that the journal has been started.
      acknowledged: max(0, lines.count { $0 == "recorded" } - 1), isFinished: lines.last == "finished",
      status: process.terminationStatus, isKilled: process.terminationReason == .uncaughtSignal, errors: said)
  }

  private func log(_ folder: String, _ shim: String, _ recording: [String]) throws -> [String] {
    let path = folder + "/log"
    try? FileManager.default.removeItem(atPath: path)
    let run = try record(folder + "/run", shim, recording, ["FAULT_LOG": path])
    guard run.isFinished else { throw ValidationError("the recorder fails without faults: \(run.errors)") }
    return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  private func reference(in folder: String, isLarge: Bool) throws -> Reference {
    let folder = folder + (isLarge ? "/large" : "/sample")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/reference.h5"
    var prefixes: [String] = []
    var links = 0
    let writer = try Recording.record(isLarge: isLarge, to: path, .none) { writer in
      try FileManager.default.copyItem(atPath: writer.journalPath, toPath: folder + "/prefix\(links)")
      links += 1
    }
    try writer.finish()
    for link in 1..<links {
      _ = try TraceRecovery(of: folder + "/prefix\(link)", to: folder + "/prefix.h5", overwrite: true)
      prefixes.append(try Self.digest(of: folder + "/prefix.h5"))
    }
    return Reference(prefixes: prefixes, whole: try Self.digest(of: path))
  }

  private static func digest(of path: String) throws(TraceError) -> String {
    try TraceVerification(of: try TraceReader(path: path)).digest.description
  }

  // All else must be on the disk before the superblock makes a trace of it, and that before it has its name.
  private func orderProblems(_ log: [String], _ durability: Durability, commitCount: Int) -> [String] {
    let expected =
      durability == .none
      ? ["pwrite .wcj", "pwrite 48 .wcj", "rename .wcj"]
      : ["pwrite .wcj", "fdatasync .wcj", "pwrite 48 .wcj", "fdatasync .wcj", "rename .wcj", "fsync /run"]
    var problems: [String] = []
    let isOrdered =
      log.count >= expected.count
      && zip(log.suffix(expected.count), expected).allSatisfy {
        let parts = $1.split(separator: " ")
        return $0.hasPrefix(parts.dropLast().joined(separator: " ") + " ")
          && $0.hasSuffix(parts[parts.count - 1])
      }
    if !isOrdered { problems.append("durability \(durability): \(expected) in place of \(log.suffix(6))") }
    // Each commit is followed by a sync, and the finish has two.
    let syncCount = log.count { $0.hasPrefix("fdatasync ") }
    if durability == .call, syncCount != commitCount + 2 {
      problems.append("durability call: \(syncCount) syncs for \(commitCount) commits")
    }
    return problems
  }

  // What is wrong with what a fault left behind; nil when nothing is.
  private func problem(
    _ folder: String, _ run: Run, _ mode: Mode, _ call: String, _ reference: Reference
  ) throws -> String? {
    let (path, journal) = (folder + "/x.h5", folder + "/x.h5.wcj")
    // Tidying up may fail without harm; then the recorder may say that all went well.
    let isTidying = call.hasPrefix("unlink") || call.hasPrefix("ftruncate")
    if mode.isKill {
      guard run.isKilled else { return "the recorder was not killed" }
    } else if !isTidying {
      guard !run.isKilled, run.status == 1, run.errors.contains("Error: ") else {
        return "status \(run.status) in place of an error: \(run.errors)"
      }
    }
    if run.isFinished, !FileManager.default.fileExists(atPath: path) {
      return "finished, and there is no trace"
    }
    do throws(TraceError) {
      if FileManager.default.fileExists(atPath: path) {
        let digest = try Self.digest(of: path)
        return digest == reference.whole ? nil : "a trace that is not the recording has its name"
      }
      let recovery = try TraceRecovery(of: journal, to: path)
      let digest = try Self.digest(of: path)
      guard let found = reference.prefixes.lastIndex(of: digest) else {
        return "what is recovered was never recorded"
      }
      guard found + 1 >= run.acknowledged || recovery.callCount == reference.prefixes.count else {
        return "\(run.acknowledged) calls were acknowledged, \(found + 1) recovered"
      }
      return nil
    } catch {
      return run.acknowledged == 0 ? nil : "\(run.acknowledged) calls were acknowledged: \(error)"
    }
  }
}
