import ArgumentParser
import Foundation

/// Damaged and crafted traces and journals against the reader, in processes that may die.
struct Mutants: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutants",
    abstract: "Damage traces and journals in every way known and see what the reader makes of them.",
    discussion: "Exit codes: 0 every mutant was refused or harmless, 1 some was not.")

  @Option(help: "Only every so many mutants of an attack.")
  var every = 1

  @Option(help: "Crafted mutants per base.")
  var crafted = 5000

  @Option(help: "Random choices; the same seed gives the same mutants.")
  var seed: UInt64 = 20_261_124

  @Option(help: "Worker processes at a time.")
  var jobs = 2

  @Option(help: "Only attacks whose name contains this.")
  var only = ""

  @Option(help: "Write one mutant of the chosen attack to the file mutant.bin, and stop.")
  var keep: Int?

  @Option(help: .hidden) var folder: String?
  @Option(help: .hidden) var worker: Int?
  @Option(help: .hidden) var scratch = ""
  @Option(help: .hidden) var indices = ""

  func run() throws {
    if let worker, let folder {
      let attack = try Attack.makers(Bases(folder: folder), seed: seed, crafted: crafted)[worker]()
      return try Worker(attack: attack, folder: scratch).run(
        indices.split(separator: ",").compactMap { Int($0) })
    }
    let memory = "/dev/shm"
    let root =
      FileManager.default.isWritableFile(atPath: memory)
      ? memory : FileManager.default.temporaryDirectory.path
    let bases = Bases(folder: "\(root)/wctrace-damage-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(atPath: bases.folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: bases.folder) }
    try bases.write()
    let attacks = try Attack.makers(bases, seed: seed, crafted: crafted).map { try $0() }
    let chosen = attacks.filter { only.isEmpty || $0.name.contains(only) }
    if let keep {
      guard chosen.count == 1 else { throw ValidationError("--only must name one attack") }
      guard (0..<chosen[0].count).contains(keep) else {
        throw ValidationError(
          "--keep is \(keep); \(chosen[0].name) has \(chosen[0].count) mutants, from 0 on")
      }
      return try Data(chosen[0].mutant(keep)).write(to: URL(filePath: "mutant.bin"))
    }
    print("seed \(seed), every \(every)")
    let start = ContinuousClock.now
    let places = attacks.indices.filter { place in chosen.contains { $0.name == attacks[place].name } }
    let tally = Campaign(
      attacks: attacks, places: places, bases: bases, seed: seed, crafted: crafted, every: every, jobs: jobs
    ).run()
    let failures = report(chosen.map(\.name), tally)
    print("\(Int(start.duration(to: .now) / .seconds(1))) s, \(failures.count) failures")
    for failure in failures.prefix(40) { print(failure) }
    if !failures.isEmpty { throw ExitCode.failure }
  }

  private func report(_ names: [String], _ tally: Tally) -> [String] {
    var failures: [String] = []
    for name in names {
      let counts = tally[name]
      let total = counts.verdicts.values.reduce(0, +)
      let verdicts = Verdict.allCases.filter { counts.verdicts[$0] != nil }
        .map { "\(counts.verdicts[$0] ?? 0) \($0.rawValue)" }.joined(separator: ", ")
      let remarks = counts.remarks.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }
      print("\(name): \(total) mutants: \(verdicts) (\(remarks.joined(separator: ", ")))")
      failures += counts.failures
    }
    return failures
  }
}
