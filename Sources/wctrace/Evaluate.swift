import ArgumentParser
import Foundation
import WorldCache
import WorldModel

/// `wctrace evaluate`: the bundled model's quality on held-out scenes.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare the world model's predictions with the truth and with baselines, on held-out scenes.",
    discussion: """
      Each scene is one chunk. Columns: RGB PSNR and its gain over repeating the last frame, in dB; RMS error of \
      disparity in 1/m, and relative to repeating; Pearson's r of the camera's position (x, z) and heading (yaw), \
      and the same with the commanded motion taken off both (slip).
      """)

  @Option(help: "Number of scenes.")
  var scenes = 32

  @Option(help: "Seed of the first scene. Seeds from 1000000 on are held out.")
  var firstSeed = 1_000_000

  @Option(help: "PNG file for a contact sheet of the first scenes, at most 16.")
  var sheet: String?

  @OptionGroup var rollout: RolloutOptions

  @Flag(help: "Overwrite the contact sheet.")
  var force = false

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    for (name, value, range) in [
      ("--scenes", scenes, 1...100_000),
      ("--first-seed", firstSeed, 0...1_000_000_000),
    ] where !range.contains(value) {
      throw ValidationError(
        "\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)")
    }
    if let sheet, !force, FileManager.default.fileExists(atPath: sheet) {
      throw ValidationError("\(sheet) exists; pass --force to overwrite it")
    }
  }

  mutating func run() throws {
    if let sheet { try Terminal.checkFolder(of: sheet) }
    let model = try rollout.prepareModel()
    let total = scenes * rollout.steps * (rollout.guidance == 1 ? 1 : 2)
    let progress = Progress(total: total, unit: "calls")
    let evaluation = try Evaluation(
      weights: model, firstSeed: firstSeed, sceneCount: scenes, stepCount: rollout.steps,
      shift: rollout.shift,
      guidance: rollout.guidance, progress: progress.update)
    if let sheet {
      let samples = Array(evaluation.samples.prefix(16))
      try Terminal.writing(sheet) {
        try ContactSheet(samples, config: model.config).png.write(to: URL(fileURLWithPath: sheet))
      }
    }
    try Terminal.show(table(evaluation).formatted(output.format))
    Terminal.remark(
      "\(evaluation.sceneCount) scenes from seed \(evaluation.firstSeed), \(evaluation.stepCount) steps, shift "
        + "\(evaluation.shift), guidance \(evaluation.guidance), weights \(evaluation.weightsDigest); "
        + "\(Table.decimal(evaluation.secondsPerCall * 1000, 1)) ms per call "
        + "(\(evaluation.blasThreadCount) threads, \(evaluation.blasCore))")
  }

  private func table(_ evaluation: Evaluation) -> Table {
    func number(_ value: Double?, _ decimals: Int) -> Table.Cell {
      value.map { .number($0, decimals: decimals) } ?? .none
    }
    var table = Table(columns: [
      .init("method", key: "method"), .init("PSNR", key: "psnr_db"), .init("gain", key: "psnr_gain_db"),
      .init("disparity", key: "disparity_error_per_metre"), .init("of repeat", key: "disparity_ratio"),
      .init("r x", key: "motion_r_x"), .init("r z", key: "motion_r_z"), .init("r yaw", key: "motion_r_yaw"),
      .init("slip r x", key: "slip_r_x"), .init("slip r z", key: "slip_r_z"),
      .init("slip r yaw", key: "slip_r_yaw"),
    ])
    for row in evaluation.rows {
      table.append([
        .text(row.method), number(row.psnr, 2), number(row.psnrGain, 2), number(row.disparityError, 4),
        number(row.disparityRatio, 3), number(row.correlationX, 3), number(row.correlationZ, 3),
        number(row.correlationYaw, 3), number(row.slipCorrelationX, 3), number(row.slipCorrelationZ, 3),
        number(row.slipCorrelationYaw, 3),
      ])
    }
    return table
  }
}
