import ArgumentParser

/// The tool: every subcommand parses its arguments, calls the library and prints.
///
/// Results go to standard output, progress and remarks to standard error. Exit codes: 0 done,
/// 1 failed, 3 done with loss, 64 wrong usage.
@main
struct Wctrace: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "wctrace",
    abstract: "Record the features of a diffusion world model once, replay any caching policy offline.",
    discussion: """
      Start with 'wctrace record', then 'wctrace replay'. Replay is open loop: it measures predictions against \
      the recorded, uncached trajectory and cannot know how later calls would answer to a changed latent.
      """,
    version: version,
    subcommands: [
      Record.self, Import.self, Merge.self, Recover.self, Info.self, Verify.self, Export.self, Index.self,
      ReplayCommand.self, Inspect.self, ScheduleCommand.self, HeadroomCommand.self, LintCommand.self,
      TuneCommand.self, StudyCommand.self, Calibrate.self, TransferCommand.self, Convert.self,
      LiveCommand.self, FeedbackCommand.self, Estimate.self, ValidateCommand.self,
      Policies.self, Evaluate.self, Scenes.self,
    ])
}
