import Foundation
public import WorldCache

/// What a study is of: with the same definition the same replays come out, on whatever machine.
public struct StudyDefinition: Hashable, Sendable {
  /// A trace by its contents; the name is for people, and may differ from machine to machine.
  public struct Trace: Hashable, Sendable {
    public var name: String
    public var digest: String

    public init(name: String, digest: String) {
      self.name = name
      self.digest = digest
    }
  }

  /// A setting with the contents of the files that it names.
  public struct Setting: Hashable, Sendable {
    public var space: SearchSpace
    /// Name and text of each, one after the other; of a file that is no text, its bytes in base64.
    public var files: String

    public init(_ setting: TuningSetting) {
      let files = setting.space.spec.settings.flatMap { written -> [String] in
        guard case .text? = setting.entry.parameters.first(where: { $0.key == written.key })?.kind else {
          return []
        }
        return Setting.contents(of: written.value).map { [$0] }
          // A command names its program among other words, some of them in quotes.
          ?? written.value.split(separator: " ").compactMap {
            Setting.contents(of: $0.trimmingCharacters(in: ["'", "\""]))
          }
      }
      self.init(space: setting.space, files: files.joined(separator: "\n"))
    }

    private static func contents(of path: String) -> String? {
      guard let data = FileManager.default.contents(atPath: path) else { return nil }
      return "\(path):\n" + (String(data: data, encoding: .utf8) ?? data.base64EncodedString())
    }

    public init(space: SearchSpace, files: String) {
      self.space = space
      self.files = files
    }
  }

  /// The version of the tool that replays.
  public var tool: String
  /// The only chunk that is replayed; nil for all.
  public var chunk: Int?
  /// Whether errors are told apart by modality.
  public var byModality: Bool
  public var traces: [Trace]
  public var settings: [Setting]

  public init(tool: String, chunk: Int?, byModality: Bool, traces: [Trace], settings: [Setting]) {
    self.tool = tool
    self.chunk = chunk
    self.byModality = byModality
    self.traces = traces
    self.settings = settings
  }

  public var jobs: [TuningSearch.Job] {
    TuningSearch.Job.all(traceCount: traces.count, settingCount: settings.count)
  }

  /// In what another definition differs, in words; nil when it is the same but for the traces' names.
  func difference(from other: StudyDefinition) -> String? {
    if tool != other.tool { return "it was made by wctrace \(tool), not \(other.tool)" }
    if chunk != other.chunk {
      func words(_ chunk: Int?) -> String { chunk.map { "chunk \($0)" } ?? "all chunks" }
      return "it is of \(words(chunk)), not of \(words(other.chunk))"
    }
    if byModality != other.byModality {
      return byModality
        ? "its errors are told apart by modality" : "its errors are not told apart by modality"
    }
    if traces.count != other.traces.count {
      return "it is of \(traces.count) traces, not of \(other.traces.count)"
    }
    for (mine, theirs) in zip(traces, other.traces) where mine.digest != theirs.digest {
      return "its trace \(mine.name) (\(mine.digest)) is not \(theirs.name) (\(theirs.digest))"
    }
    if settings.count != other.settings.count {
      return "it is of \(settings.count) settings, not of \(other.settings.count)"
    }
    for (mine, theirs) in zip(settings, other.settings) {
      if mine.space != theirs.space { return "it is of \(mine.space.spec), not of \(theirs.space.spec)" }
      if mine.files != theirs.files { return "the file that \(mine.space.spec) names has another text" }
    }
    return nil
  }
}
