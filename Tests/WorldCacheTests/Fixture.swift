import Foundation
import TestSupport

/// Texts and files that policies of the user's own are described by.
enum Fixture {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  /// A file of the folder examples.
  static func example(_ name: String) -> String {
    folder.appending(path: "../../../examples/\(name)").standardizedFileURL.path
  }

  /// What stands for a policy's required text in the contract suite.
  static func argument(of policy: String) -> String {
    switch policy {
    case "schedule": path("schedule.json")
    case "mask": "0+3+8"
    case "fitted": path("fitted.json")
    case "rule": example("worldcache.yaml")
    case "program": "python3 " + example("easycache.py")
    default: preconditionFailure("no file stands for \(policy)")
    }
  }

  /// Runs `body` with the path of a new file of that text.
  static func with<Result>(_ name: String, _ text: String, _ body: (String) throws -> Result) throws -> Result
  {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: name)
      try text.write(to: file, atomically: true, encoding: .utf8)
      return try body(file.path)
    }
  }
}
