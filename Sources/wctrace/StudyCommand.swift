import ArgumentParser
import Foundation
import Studies
import Trace
import WorldCache

/// `wctrace study`: what `tune --study` keeps.
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Merge, show and export studies: the replays that 'wctrace tune --study' keeps.",
    discussion: """
      A study is an SQLite file with one row for each replay (docs/studies.md). 'wctrace tune --study FILE' begins \
      one and goes on after an interruption; with '--shard 2/7' a machine does its part of it.
      """,
    subcommands: [MergeStudies.self, ShowStudy.self, ExportStudy.self])
}

struct MergeStudies: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Put parts of one study together.",
    discussion: """
      Parts belong together when traces (by their contents), settings, chunk and version agree. The result equals the \
      study that one machine would have made. Exit codes: 0 done, 3 done but searches are missing, 1 failed.
      """)

  @Argument(help: "Parts of one study.")
  var studies: [String]

  @Option(name: .shortAndLong, help: "The file to write.")
  var output: String

  @Flag(help: "Overwrite the file.")
  var force = false

  mutating func validate() throws {
    guard !studies.isEmpty else { throw ValidationError("name a study") }
  }

  mutating func run() throws {
    try Terminal.checkTarget(output, force: force, remedy: "--force overwrites it")
    try Study.merge(studies, to: output)
    let study = try Study(reading: output)
    let (done, all) = (study.finished.count, study.definition.jobs.count)
    Terminal.remark("\(output): \(study.rows.count) replays, \(done) of \(all) searches done")
    guard done == all else { throw ExitCode(3) }
  }
}

struct ShowStudy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show what a study found, as 'wctrace tune' does, without its traces.",
    discussion:
      "Only settings whose searches are done on every trace are shown; exit code 3 when some are not.")

  @Argument(help: "A study.")
  var study: String

  @OptionGroup var goal: GoalOptions
  @OptionGroup var view: TuningViewOptions
  @OptionGroup var output: FormatOption

  mutating func validate() throws { try view.validate(output.format, goal) }

  mutating func run() throws {
    let study = try Study(reading: study)
    guard study.definition.byModality || !goal.byModality else {
      throw Terminal.usage(
        "the study holds no errors by modality; make one with 'wctrace tune --by-modality'")
    }
    let isWhole = try TuningReport.show(study, goal.goal(), view, output.format)
    if !isWhole { throw ExitCode(3) }
  }
}

struct ExportStudy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Print every replay of a study.")

  @Argument(help: "A study.")
  var study: String

  @OptionGroup var output: FormatOption

  mutating func run() throws {
    try Terminal.show(Study(reading: study).table.formatted(output.format))
  }
}
