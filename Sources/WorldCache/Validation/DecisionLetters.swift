/// Decisions as letters: C computed and p predicted by a rule that judges (a signal, a cap, a budget), `#`
/// computed and `.` predicted by a rule that holds whatever the signals are.
public enum DecisionLetters {
  public static func text(_ decisions: [Decision]) -> String {
    String(
      decisions.map { decision in
        switch (decision.action, decision.reason.isJudgement) {
        case (.compute, true): "C"
        case (.predict, true): "p"
        case (.compute, false): "#"
        case (.predict, false): "."
        }
      })
  }

  static func isJudgement(_ letter: Character) -> Bool { letter == "C" || letter == "p" }
  static func isComputed(_ letter: Character) -> Bool { letter == "C" || letter == "#" }
}
