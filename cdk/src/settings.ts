// Made from internal/aws/template/template.yaml; edit it there.

/** What may be set besides names and buckets. */
export interface ImgmillSettings {
  /**
   * The processor that the zip was built for.
   * @default "arm64"
   */
  readonly architecture?: "arm64" | "x86_64";
  /**
   * The function's memory in MB. 1769 MB come with one processor core; less memory comes with less of a core.
   * @default 1769
   */
  readonly memoryMb?: number;
  /**
   * The function's timeout for one event. The recipe's own limit for a picture, 60 s by default, must fit in.
   * @default 120
   */
  readonly timeoutSeconds?: 60 | 120 | 180 | 300 | 600 | 900;
  /**
   * The size of the function's /tmp in MB. The function writes nothing there; 512 costs nothing.
   * @default 512
   */
  readonly ephemeralStorageMb?: number;
  /**
   * With direct, S3 calls Lambda; with queue, an SQS queue between them absorbs bursts larger than the concurrency.
   * @default "direct"
   */
  readonly trigger?: "direct" | "queue";
  /**
   * With trigger=queue, the maximum number of instances of the function at a time.
   * @default 10
   */
  readonly maximumConcurrency?: number;
  /**
   * Instances reserved for the function, which is also its limit; with trigger=queue, not fewer than maximumConcurrency. 0 reserves none, as in a new account, which cannot.
   * @default 10
   */
  readonly reservedConcurrency?: number;
  /** ARN of the IAM policy that is the permissions boundary of every role in this stack. Leave it empty for none. */
  readonly permissionsBoundaryArn?: string;
  /** ARNs of the objects of the source bucket that the recipe reads, with commas between them and a star after a prefix. Leave it empty for all. */
  readonly sourceObjectArns?: string[];
  /** ARNs of the objects of the target bucket that the recipe reads and writes, with commas between them and a star after a prefix. Leave it empty for all. */
  readonly targetObjectArns?: string[];
  /**
   * The same as on_remove in the recipe. Only remove, removeReplaced, gateTags and gateRekognition allow the function to delete from the target bucket.
   * @default "keep"
   */
  readonly onRemove?: "keep" | "remove";
  /**
   * true if keys of variants contain a {hash}. The function then deletes what target.keep_replaced no longer keeps.
   * @default false
   */
  readonly removeReplaced?: boolean;
  /**
   * true if the recipe has target.tags. Only true allows the function to tag what it writes.
   * @default false
   */
  readonly setTags?: boolean;
  /**
   * true if the recipe has target.acl. Only true allows the function to set the ACL of what it writes.
   * @default false
   */
  readonly setAcl?: boolean;
  /**
   * true if the recipe has watermarks. With targetKmsKeyArn, only true allows the function to read their overlays in the target bucket.
   * @default false
   */
  readonly readOverlays?: boolean;
  /**
   * true if the recipe has notify. Only true allows the function to remove events from .imgmill/unsent/ once they are sent.
   * @default false
   */
  readonly notify?: boolean;
  /** ARNs of the event buses that the recipe's notify names, with commas between them. */
  readonly notifyBusArns?: string[];
  /** ARNs of the SNS topics that the recipe's notify names, with commas between them. */
  readonly notifyTopicArns?: string[];
  /** ARNs of the SQS queues that the recipe's notify names, with commas between them. */
  readonly notifyQueueArns?: string[];
  /** Secrets of the recipe's notify as NAME=VALUE, where NAME is its secret_env, with spaces between them. They become a variable of the function's environment. */
  readonly notifySecrets?: string;
  /**
   * true if the recipe has focal_tag. Only true, and gateTags, allow the function to read tags of the source.
   * @default false
   */
  readonly focalTag?: boolean;
  /**
   * true if the recipe has gates.tag. Only true allows the function to read tags of the source and to delete variants of what is refused.
   * @default false
   */
  readonly gateTags?: boolean;
  /**
   * true if the recipe has gates.rekognition. Only true allows the function to ask Rekognition, at $1 for a thousand pictures, and to delete variants of what is refused.
   * @default false
   */
  readonly gateRekognition?: boolean;
  /**
   * Days until the function's log lines are deleted.
   * @default 14
   */
  readonly logRetentionDays?: 1 | 3 | 5 | 7 | 14 | 30 | 60 | 90 | 120 | 150 | 180 | 365 | 400 | 545 | 731 | 1096 | 1827 | 2192 | 2557 | 2922 | 3288 | 3653;
  /** When the function compares both buckets, such as cron(0 3 * * ? *) in UTC or rate(1 day). Leave it empty for never. */
  readonly auditSchedule?: string;
  /** ARN of the KMS key that encrypts the source bucket. Leave it empty for a key that S3 manages. */
  readonly sourceKmsKeyArn?: string;
  /** ARN of the KMS key that encrypts the target bucket. Leave it empty for a key that S3 manages. */
  readonly targetKmsKeyArn?: string;
  /** Address that alarms are sent to, once it is confirmed. Leave it empty to show alarms only in CloudWatch. */
  readonly alarmEmail?: string;
  /**
   * Notify alarmEmail when the cost of a month approaches this amount. 0 sets no budget.
   * @default 0
   */
  readonly monthlyBudgetUsd?: number;
}

/** The template's names of the settings. */
export const parameters: Record<keyof ImgmillSettings, string> = {
  architecture: "Architecture",
  memoryMb: "MemoryMB",
  timeoutSeconds: "TimeoutSeconds",
  ephemeralStorageMb: "EphemeralStorageMB",
  trigger: "Trigger",
  maximumConcurrency: "MaximumConcurrency",
  reservedConcurrency: "ReservedConcurrency",
  permissionsBoundaryArn: "PermissionsBoundaryArn",
  sourceObjectArns: "SourceObjectArns",
  targetObjectArns: "TargetObjectArns",
  onRemove: "OnRemove",
  removeReplaced: "RemoveReplaced",
  setTags: "SetTags",
  setAcl: "SetAcl",
  readOverlays: "ReadOverlays",
  notify: "Notify",
  notifyBusArns: "NotifyBusArns",
  notifyTopicArns: "NotifyTopicArns",
  notifyQueueArns: "NotifyQueueArns",
  notifySecrets: "NotifySecrets",
  focalTag: "FocalTag",
  gateTags: "GateTags",
  gateRekognition: "GateRekognition",
  logRetentionDays: "LogRetentionDays",
  auditSchedule: "AuditSchedule",
  sourceKmsKeyArn: "SourceKmsKeyArn",
  targetKmsKeyArn: "TargetKmsKeyArn",
  alarmEmail: "AlarmEmail",
  monthlyBudgetUsd: "MonthlyBudgetUSD",
};
