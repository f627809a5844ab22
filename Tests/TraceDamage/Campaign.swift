import Foundation
import Synchronization

/// Runs workers over all mutants of all attacks and starts another where one died.
struct Campaign: Sendable {
  let attacks: [Attack]
  /// Which of the attacks to run.
  let places: [Int]
  let bases: Bases
  let seed: UInt64
  let crafted: Int
  let every: Int
  let jobs: Int

  private static let share = 400

  func run() -> Tally {
    let tally = Tally()
    // Attack and the indices that are left of a share of its mutants.
    var shares: [(Int, [Int])] = []
    for place in places {
      let count = attacks[place].count
      let first = count > every ? Int(seed % UInt64(every)) : 0
      let indices = Array(stride(from: first, to: count, by: every))
      for start in stride(from: 0, to: indices.count, by: Self.share) {
        shares.append((place, Array(indices[start..<min(start + Self.share, indices.count)])))
      }
    }
    let queue = Atomic(0)
    let all = shares
    DispatchQueue.concurrentPerform(iterations: jobs) { job in
      while true {
        let next = queue.add(1, ordering: .relaxed).oldValue
        guard next < all.count else { return }
        var (place, rest) = all[next]
        while !rest.isEmpty { rest = work(place, rest, job, tally) }
      }
    }
    return tally
  }

  // One worker process; returns what it did not come to. A death counts only for a process's first mutant.
  private func work(_ place: Int, _ indices: [Int], _ job: Int, _ tally: Tally) -> [Int] {
    let attack = attacks[place]
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let folder = bases.folder + "/job\(job)"
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    process.arguments = [
      "mutants", "--folder", bases.folder, "--seed", "\(seed)", "--crafted", "\(crafted)", "--worker",
      "\(place)",
      "--scratch", folder, "--indices", indices.map(String.init).joined(separator: ","),
    ]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { preconditionFailure("no process can be started") }
    let output = (try? pipe.fileHandleForReading.readToEnd()) ?? nil
    process.waitUntilExit()
    var begun: Int?
    var done = 0
    for line in String(decoding: output ?? Data(), as: UTF8.self).split(separator: "\n") {
      let fields = line.dropFirst(2).split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      if line.hasPrefix("> ") {
        begun = Int(fields[0])
      } else if line.hasPrefix("= "), fields.count == 3, let index = Int(fields[0]),
        let verdict = Verdict(rawValue: fields[1])
      {
        tally.add(attack.name, index, verdict, fields[2])
        begun = nil
        done += 1
      }
    }
    if done == indices.count { return [] }
    let status = process.terminationStatus
    let isHang = process.terminationReason == .uncaughtSignal && [SIGALRM, SIGXCPU].contains(status)
    let index = begun ?? indices[done]
    // A file may leave the library's memory in disorder, of which a later one dies: ask that one again, alone.
    if done > 0 { return Array(indices.dropFirst(done)) }
    let isContained = attack.kind == .craftedTrace && isRefusedByTool(attack.mutant(index), folder)
    tally.add(
      attack.name, index, isContained ? .contained : isHang ? .hang : .crash, "signal or status \(status)")
    return Array(indices.dropFirst(done + 1))
  }

  // Whether `wctrace verify` ends with exit code 1 and an error in words.
  private func isRefusedByTool(_ mutant: [UInt8], _ folder: String) -> Bool {
    let path = folder + "/contained.h5"
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
      .appending(path: "wctrace")
    process.arguments = ["verify", path]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = pipe
    guard (try? Data(mutant).write(to: URL(filePath: path))) != nil, (try? process.run()) != nil else {
      return false
    }
    let errors = (try? pipe.fileHandleForReading.readToEnd()) ?? nil
    process.waitUntilExit()
    return process.terminationReason == .exit && process.terminationStatus == 1
      && String(decoding: errors ?? Data(), as: UTF8.self).contains(path)
  }
}
